<?php
// A page that looks at its release in all the ways an application can: the paths that the web server
// sent, its own file, and fifty files, or ?parts= of them, found by bare name through include_path, with a pause after each
// so that a deploy has time to fall in between.
$pause = (int) ($_GET['pause'] ?? 100); // microseconds
$count = min(50, (int) ($_GET['parts'] ?? 50));
//SET_INCLUDE_PATH
$parts = [];
for ($i = 0; $i < $count; $i++) {
    $release = (string) @include sprintf('part_%02d.php', $i);
    $parts[$release] = ($parts[$release] ?? 0) + 1;
    usleep($pause);
}
header('Content-Type: application/json');
echo json_encode([
    'document_root' => $_SERVER['DOCUMENT_ROOT'],
    'script_filename' => $_SERVER['SCRIPT_FILENAME'],
    'file' => __FILE__,
    'include_path' => get_include_path(),
    'release' => $_SERVER['REALDOC_RELEASE'] ?? '',
    'request_uri' => $_SERVER['REQUEST_URI'],
    'parts' => (object) $parts,
], JSON_UNESCAPED_SLASHES);

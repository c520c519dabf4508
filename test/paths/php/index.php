<?php
// Says everything that names a release, after it has read twelve files through the include_path.
// opcache writes the value that some settings have when it compiles into the code of ini_get('…').
$setting = 'ini_' . ($_SERVER['NO_SUCH'] ?? 'get');
$all = isset($_SERVER['SENT_ALL']); // else they are another request's: PHP-FPM keeps them in the worker
$parts = [];
foreach (range(0, 11) as $n) {
    $parts[] = (string) @include "part_$n.php";
    usleep(300);
}
header('Content-Type: application/json');
echo json_encode([
    'named' => [
        '__FILE__' => __FILE__,
        'DOCUMENT_ROOT' => $_SERVER['DOCUMENT_ROOT'] ?? '',
        'SCRIPT_FILENAME' => $_SERVER['SCRIPT_FILENAME'] ?? '',
        'PATH_TRANSLATED' => $_SERVER['PATH_TRANSLATED'] ?? '',
        'CONTEXT_DOCUMENT_ROOT' => $_SERVER['CONTEXT_DOCUMENT_ROOT'] ?? '',
        'FLOW_ROOTPATH' => $_SERVER['FLOW_ROOTPATH'] ?? '',
        'include_path' => get_include_path(),
        'session.save_path' => $all ? $setting('session.save_path') : '',
        'upload_tmp_dir' => $all ? $setting('upload_tmp_dir') : '',
        'auto_prepend_file' => $setting('auto_prepend_file'),
        'the prepended file' => $GLOBALS['boot'] ?? '',
    ],
    'parts' => array_values(array_unique($parts)),
    'name' => $_SERVER['REALDOC_RELEASE'] ?? '',
]);

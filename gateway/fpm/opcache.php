<?php
// Does something with opcache that only PHP itself can do, and answers as JSON. What to do
// is in REALDOC_DO:
//   forget   what is below the directories (dirs), or below a directory that is gone and
//            was in one of these (gone), but for some (keep): opcache counts it as wasted
//   compile  in the directory (to) what opcache has of another (from)
//   list     the scripts that opcache has below the directories (dirs)
//   restore  the scripts whose names are in the file (file), a line each
//   reset    begin anew, with the next request
// Work that takes longer than a second is told as "more": it is to be asked for again.
header('Content-Type: application/json');
ini_set('display_errors', '0');
ini_set('log_errors', '0'); // two files that declare one name are no fault of a site
$do = json_decode($_SERVER['REALDOC_DO'] ?? '{}', true) ?: [];
$until = microtime(true) + 1;

// What opcache has and still goes by: paths and bytes.
$scripts = function (): array {
    $all = [];
    foreach ((@opcache_get_status(true) ?: [])['scripts'] ?? [] as $path => $script) {
        if (isset($script['timestamp']) ? $script['timestamp'] !== 0 : opcache_is_script_cached($path)) {
            $all[$path] = $script['memory_consumption'];
        }
    }
    return $all;
};
$real = fn (string $dir): string => realpath($dir) ?: $dir;
$below = fn (string $path, string $dir): bool => strncmp($path, "$dir/", strlen($dir) + 1) === 0;

// Whether the path is below one of the directories.
$inDirs = fn (string $path, array $dirs): bool => array_reduce($dirs, fn ($is, $dir) => $is || $below($path, $dir), false);

// Whether the path is below a directory that is gone from one of the parents.
$gone = [];
$isGone = function (string $path, array $parents) use ($below, &$gone): bool {
    foreach ($parents as $parent) {
        if ($below($path, $parent)) {
            $child = $parent . '/' . strtok(substr($path, strlen($parent) + 1), '/');
            return $gone[$child] ??= !is_dir($child);
        }
    }
    return false;
};

// Compiles one file; false if it could not be, or was kept out of the cache.
$compile = fn (string $path): bool => (function () use ($path): bool {
    try {
        return @opcache_compile_file($path) && opcache_is_script_cached($path);
    } catch (Throwable) {
        return false;
    }
})();

$answer = ['ok' => true, 'scripts' => 0, 'memory' => 0, 'failed' => [], 'more' => false];
if (!function_exists('opcache_get_status') || !@opcache_get_status(false)) {
    $answer = ['ok' => false, 'why' => 'opcache is off for FPM, or opcache.restrict_api keeps it to itself'];
    $do = [];
}
$work = function (array $paths) use (&$answer, $until, $compile): void {
    foreach ($paths as $path) {
        if (microtime(true) > $until) {
            $answer['more'] = true;
            return;
        }
        $compile($path) ? $answer['scripts']++ : $answer['failed'][] = $path;
    }
};
clearstatcache(true);
switch ($do['do'] ?? '') {
    case 'forget':
        $dirs = array_map($real, $do['dirs'] ?? []);
        $parents = array_map($real, $do['gone'] ?? []);
        $keep = array_map($real, $do['keep'] ?? []);
        foreach ($scripts() as $path => $bytes) {
            if (($inDirs($path, $dirs) || $isGone($path, $parents) && !$inDirs($path, $keep)) && opcache_invalidate($path, true)) {
                $answer['scripts']++;
                $answer['memory'] += $bytes;
            }
        }
        break;
    case 'compile':
        $from = $real($do['from']);
        $to = $real($do['to']);
        $wanted = [];
        foreach ($scripts() as $path => $bytes) {
            $next = $to . substr($path, strlen($from));
            if ($below($path, $from) && !in_array($next, $do['failed'] ?? [], true) && is_file($next) && !opcache_is_script_cached($next)) {
                $wanted[] = $next;
            }
        }
        $work($wanted);
        break;
    case 'list':
        $dirs = array_map($real, $do['dirs']);
        $answer['paths'] = array_values(array_filter(array_keys($scripts()), fn ($path) => $inDirs($path, $dirs)));
        break;
    case 'restore':
        $wanted = array_filter(file($do['file'], FILE_IGNORE_NEW_LINES) ?: [], fn ($path) => is_file($path) && !opcache_is_script_cached($path));
        $work(array_diff($wanted, $do['failed'] ?? []));
        break;
    case 'reset':
        $answer['ok'] = opcache_reset();
        break;
}
http_response_code(200); // also after a file that does not compile
echo json_encode($answer, JSON_INVALID_UTF8_SUBSTITUTE), "\n";

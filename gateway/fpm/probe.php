<?php
// Answers what only PHP itself can tell, as JSON. It reads, and sets nothing. What it is
// asked is in REALDOC_ASK: the names of settings (ini), paths that should be readable
// (paths), directories whose scripts in opcache are summed up (dirs), and whether to count
// FPM's workers (workers).
header('Content-Type: application/json');
$ask = json_decode($_SERVER['REALDOC_ASK'] ?? '{}', true) ?: [];

// The first part of a path that this worker may not pass or read; '' if there is none.
$barred = function (string $path): string {
    if (is_readable($path) && (!is_dir($path) || is_executable($path))) {
        return '';
    }
    for ($dir = dirname($path), $above = []; $dir !== '/' && $dir !== '.'; $dir = dirname($dir)) {
        array_unshift($above, $dir);
    }
    foreach ($above as $dir) {
        if (!is_executable($dir)) {
            return $dir;
        }
    }
    return $path;
};

// What opcache holds below each directory, and in all: bytes and scripts. It knows a script
// by its real path, and tells of one that was invalidated until it begins anew.
$cached = function (array $scripts, array $dirs): array {
    [$sums, $all, $real] = [[], [0, 0], []];
    foreach ($dirs as $dir) {
        $sums[$dir] = [0, 0];
        $real[$dir] = (realpath($dir) ?: $dir) . '/';
    }
    foreach ($scripts as $path => $script) {
        if (isset($script['timestamp']) ? $script['timestamp'] === 0 : !opcache_is_script_cached($path)) {
            continue;
        }
        $all[0] += $script['memory_consumption'];
        $all[1]++;
        foreach ($real as $dir => $start) {
            if (strncmp($path, $start, strlen($start)) === 0) {
                $sums[$dir][0] += $script['memory_consumption'];
                $sums[$dir][1]++;
            }
        }
    }
    return [$sums, $all];
};

$title = fn ($pid) => trim((string) @file_get_contents("/proc/$pid/cmdline"), "\0 ");
$parent = fn ($pid) => (int) (explode(' ', strrchr((string) @file_get_contents("/proc/$pid/stat"), ')') ?: '')[2] ?? 0);
$uid = preg_match('/^Uid:\s+\d+\s+(\d+)/m', (string) @file_get_contents('/proc/self/status'), $m) ? (int) $m[1] : -1;

$ini = @ini_get_all(null, true) ?: [];
$status = function_exists('opcache_get_status') ? @opcache_get_status(true) : false;
$master = $parent('self');
$answer = [
    'version' => PHP_VERSION, 'uid' => $uid,
    'title' => $title('self'), 'master' => $title($master),
    'include_path' => (string) (get_cfg_var('include_path') ?: DEFAULT_INCLUDE_PATH),
    'include_path_locked' => ($ini['include_path']['access'] ?? 7) === 4,
    'ini' => [], 'barred' => [], 'realpath_cache' => realpath_cache_size(),
    'has_opcache' => function_exists('opcache_get_status'), 'opcache' => null,
];
foreach ($ask['ini'] ?? [] as $key) {
    if (isset($ini[$key])) {
        $answer['ini'][$key] = (string) $ini[$key]['local_value'];
    }
}
foreach ($ask['paths'] ?? [] as $path) {
    if (($at = @$barred($path)) !== '') {
        $answer['barred'][$path] = $at;
    }
}
if ($ask['workers'] ?? false) {
    // The processes that have the title ("php-fpm: pool www") and the parent of this one.
    // Neither FCGI_MAX_CONNS nor anything else tells a script how many there are.
    [$ours, $answer['workers']] = [$title('self'), 0];
    foreach (@scandir('/proc') ?: [] as $pid) {
        $answer['workers'] += (int) ($ours && ctype_digit($pid) && $title($pid) === $ours && $parent($pid) === $master);
    }
}
if ($status) {
    $memory = $status['memory_usage'];
    $count = $status['opcache_statistics'];
    [$dirs, $valid] = $cached($status['scripts'] ?? [], $ask['dirs'] ?? []);
    // What a pool sets memory_consumption to has no effect, but used_memory is counted from it.
    $unreal = ((int) ini_get('opcache.memory_consumption') - (int) (get_cfg_var('opcache.memory_consumption') ?: 128)) << 20;
    $strings = $status['interned_strings_usage'] ?? ['buffer_size' => 0, 'free_memory' => 0];
    $answer['opcache'] = [
        'free' => $memory['free_memory'], 'used' => $memory['used_memory'] - $unreal, 'wasted' => $memory['wasted_memory'],
        'keys' => $count['num_cached_keys'], 'max_keys' => $count['max_cached_keys'], 'scripts' => $count['num_cached_scripts'],
        'hits' => $count['hits'], 'misses' => $count['misses'],
        'restarts_by' => ['memory' => $count['oom_restarts'], 'keys' => $count['hash_restarts'], 'manual' => $count['manual_restarts']],
        'jit' => ($status['jit']['on'] ?? false) ? ['size' => $status['jit']['buffer_size'], 'free' => $status['jit']['buffer_free']] : null,
        'restarts' => $count['oom_restarts'] + $count['hash_restarts'], 'full' => $status['cache_full'],
        'strings' => $strings['buffer_size'], 'free_strings' => $strings['free_memory'],
        'restarting' => $status['restart_pending'] || $status['restart_in_progress'],
        'dirs' => (object) $dirs, 'valid' => $valid,
    ];
}
foreach (['ini', 'barred'] as $map) {
    $answer[$map] = (object) $answer[$map];
}
echo json_encode($answer, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
// If opcache takes files of any age, this one must not stay in it.
if ($status && ($ini['opcache.file_update_protection']['local_value'] ?? '2') === '0') {
    @opcache_invalidate(__FILE__, true);
}

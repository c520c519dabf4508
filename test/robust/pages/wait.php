<?php
// Says who it is, and waits: before its output with ?before=SECONDS, within it with ?within=SECONDS.
ignore_user_abort(true);
function wait(string $what): void
{
    for ($until = microtime(true) + ($_GET[$what] ?? 0); ($left = $until - microtime(true)) > 0;) {
        usleep((int)(1e6 * $left)); // a signal ends it early
    }
}
wait('before');
header('X-Pid: ' . getmypid());
header('Content-Type: text/plain');
echo str_repeat('.', 10000), "beginning\n";
while (ob_get_level()) ob_end_flush();
flush();
wait('within');
echo 'release=', $_SERVER['REALDOC_RELEASE'] ?? '', ' body=', strlen(file_get_contents('php://input')), " end\n";

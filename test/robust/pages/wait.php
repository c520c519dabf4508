<?php
// Says who it is, and waits: before its output with ?before=SECONDS, within it with ?within=SECONDS.
ignore_user_abort(true);
usleep((int)(1e6 * ($_GET['before'] ?? 0)));
header('X-Pid: ' . getmypid());
header('Content-Type: text/plain');
echo str_repeat('.', 10000), "beginning\n";
while (ob_get_level()) ob_end_flush();
flush();
usleep((int)(1e6 * ($_GET['within'] ?? 0)));
echo 'release=', $_SERVER['REALDOC_RELEASE'] ?? '', ' body=', strlen(file_get_contents('php://input')), " end\n";

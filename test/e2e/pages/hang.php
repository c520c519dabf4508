<?php
// The beginning of a response, and then nothing: the process named in the header waits to be killed.
header('X-Pid: ' . getmypid());
echo 'the beginning';
flush();
sleep(60);

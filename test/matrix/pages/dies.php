<?php
// The beginning of a response, and then nothing: the process named in the file ?pid= waits to be killed.
echo 'the beginning';
flush();
file_put_contents($_GET['pid'] . '.new', getmypid());
rename($_GET['pid'] . '.new', $_GET['pid']);
sleep(60);

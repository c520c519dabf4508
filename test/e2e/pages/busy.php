<?php
// Is in the directory ?in= for a while, and says how many were there with it.
$self = $_GET['in'] . '/' . uniqid(getmypid() . '-', true);
touch($self);
usleep(20000);
echo count(scandir($_GET['in'])) - 2;
unlink($self);

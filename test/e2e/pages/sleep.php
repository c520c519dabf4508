<?php
// Takes ?ms= milliseconds.
usleep(1000 * (int) $_GET['ms']);
echo 'slept';

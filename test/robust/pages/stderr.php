<?php
// Writes much to its error output.
for ($i = 0; $i < 2000; $i++) error_log(str_repeat('e', 1000));
echo 'done';

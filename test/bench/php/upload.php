<?php
// How long the body is.
$sum = 0;
for ($in = fopen('php://input', 'r'); ($part = fread($in, 65536)) !== '' && $part !== false; $sum += strlen($part));
echo $sum;

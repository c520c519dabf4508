<?php
// So many bytes as are asked for.
$left = (int) $_GET['bytes'];
for ($part = str_repeat('x', 61440); $left > 0; $left -= strlen($part)) {
    echo $left >= strlen($part) ? $part : substr($part, 0, $left);
}

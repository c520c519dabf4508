<?php
// ?chunks= pieces of 64 KiB, each beginning with its number.
$filler = str_repeat('0123456789abcdef', 4095) . '01234567';
for ($i = 0; $i < (int) $_GET['chunks']; $i++) {
    printf('%08x', $i);
    echo $filler;
}

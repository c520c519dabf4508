<?php
// ?chunks= pieces of 64 KiB, each filled with its number.
for ($i = 0; $i < (int) $_GET['chunks']; $i++) {
    echo str_repeat(sprintf('%016x', $i), 4096);
}

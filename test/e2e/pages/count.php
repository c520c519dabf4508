<?php
// What has arrived of the body, read in pieces and not kept.
$body = fopen('php://input', 'r');
$hash = hash_init('crc32b');
$bytes = 0;
while (($piece = fread($body, 1 << 18)) !== '' && $piece !== false) {
    $bytes += strlen($piece);
    hash_update($hash, $piece);
}
echo $bytes, ' ', hash_final($hash);

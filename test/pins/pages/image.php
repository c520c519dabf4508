<?php
// An image that is as wide as the number of the release.
header('Content-Type: image/svg+xml');
header('Cache-Control: no-store');
?>
<svg xmlns="http://www.w3.org/2000/svg" width="<?= $_SERVER['REALDOC_RELEASE'] ?>" height="1"></svg>

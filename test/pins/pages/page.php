<?php
// A page that says which release it is of, and has its pin.
header('X-Release: ' . $_SERVER['REALDOC_RELEASE']);
?>
<!DOCTYPE html>
<title><?= $_SERVER['REALDOC_RELEASE'] ?></title>
<?= $_SERVER['REALDOC_PIN'] ?? '' ?>


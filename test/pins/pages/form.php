<?php
header('Content-Type: text/html');
echo $_SERVER['REQUEST_METHOD'] === 'POST' ? $_SERVER['REALDOC_RELEASE'] : 'not posted';

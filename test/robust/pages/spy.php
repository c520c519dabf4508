<?php
// What PHP has of a request, so that two ways to it can be compared.
$server = $_SERVER;
unset($server['REQUEST_TIME'], $server['REQUEST_TIME_FLOAT'], $server['REALDOC_RELEASE'], $server['REALDOC_QUEUE_US'], $server['REQUEST_ID']);
ksort($server);
$body = file_get_contents('php://input');
if (isset($_GET['status'])) http_response_code((int)$_GET['status']);
header('Content-Type: application/octet-stream');
foreach ((array)($_GET['h'] ?? []) as $h) if (is_string($h)) header('X-Echo: ' . bin2hex($h), false);
echo base64_encode(serialize($server)), "\n", strlen($body), ' ', md5($body), "\n";
echo base64_encode(serialize([$_GET, $_POST, getenv('HTTP_PROXY'), ini_get('include_path'), ini_get('auto_prepend_file'), ini_get('memory_limit')])), "\n";
echo str_repeat("\x00\xff\r\n", min(200000, (int)($_GET['more'] ?? 0)));

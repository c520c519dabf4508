<?php
// Everything that the web server said, and what PHP made of the body.
header('Content-Type: application/json');
header('X-Method: ' . $_SERVER['REQUEST_METHOD']);
$files = array_map(fn ($file) => ['name' => $file['name'], 'hash' => hash_file('sha256', $file['tmp_name'])], $_FILES);
echo json_encode(['server' => $_SERVER, 'get' => $_GET, 'post' => $_POST, 'files' => (object) $files], JSON_PARTIAL_OUTPUT_ON_ERROR);

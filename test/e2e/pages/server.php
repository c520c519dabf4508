<?php
// Everything that the web server said, with the body.
header('Content-Type: application/json');
header('X-Method: ' . $_SERVER['REQUEST_METHOD']);
echo json_encode(['body' => file_get_contents('php://input')] + $_SERVER, JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR);

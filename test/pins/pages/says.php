<?php
// Which release it runs on, and by which code: they are the same, or it is torn.
header('Content-Type: application/json');
if (isset($_GET['cache'])) {
    header('Cache-Control: ' . $_GET['cache']);
}
echo json_encode(['release' => $_SERVER['REALDOC_RELEASE'], 'code' => basename(dirname(__DIR__)), 'method' => $_SERVER['REQUEST_METHOD'], 'query' => $_SERVER['QUERY_STRING']]);

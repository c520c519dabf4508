<?php
// The URLs of the page's assets: one by the name of its release, one by the hash of its content.
header('Content-Type: text/plain');
echo '/assets/', $_SERVER['REALDOC_RELEASE'], "/css/app.css\n";
echo '/build/', json_decode(file_get_contents(__DIR__ . '/build/manifest.json'))->app, "\n";

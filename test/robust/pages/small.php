<?php
header('Content-Type: text/plain');
echo 'prepend=', ini_get('auto_prepend_file'), ' proxy=', getenv('HTTP_PROXY'), $_SERVER['HTTP_PROXY'] ?? '', ' calendar=', extension_loaded('calendar') ? 'loaded' : '', ' script=', $_SERVER['SCRIPT_NAME'] ?? '', ' x=', md5($_SERVER['HTTP_X'] ?? ''), ' y=', md5($_SERVER['HTTP_Y'] ?? '');

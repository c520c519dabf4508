<?php
// An error with a page of its own.
http_response_code((int) $_GET['status']);
header('X-Error: own');
echo 'the page of error ', (int) $_GET['status'];

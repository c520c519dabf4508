<?php
// Which FPM (its env[FPM_NAME]) and which worker of it. A body is left unread.
echo getenv('FPM_NAME') ?: '-', ' ', getmypid();

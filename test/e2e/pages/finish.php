<?php
// Is answered at once and works on for ?ms= milliseconds, as frameworks do after a response.
echo getmypid();
fastcgi_finish_request();
usleep(1000 * (int) $_GET['ms']);

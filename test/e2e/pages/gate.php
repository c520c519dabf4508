<?php
// Waits until there is the file ?gate=, and then says which FPM (its env[FPM_NAME]) this is.
for ($tries = 0; !file_exists($_GET['gate']) && $tries < 4000; $tries++) {
    usleep(5000);
}
echo getenv('FPM_NAME');

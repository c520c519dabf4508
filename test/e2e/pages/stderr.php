<?php
error_log('spoken on stderr');
echo 'done';

<?php
// Speaks on STDERR, much and in many records, and answers.
for ($i = 0; $i < 50; $i++) {
	error_log("spoken $i " . str_repeat('x', 500));
}
echo 'done';

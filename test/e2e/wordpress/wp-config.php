<?php
define('DB_NAME', 'none');
define('DB_USER', 'none');
define('DB_PASSWORD', 'none');
define('DB_HOST', 'none');
define('DB_CHARSET', 'utf8');
define('DB_COLLATE', '');
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';

<?php
// A database without a server: it has the few options that a page needs.
class realdocd_wpdb extends wpdb
{
    private const OPTIONS = [
        'blogname' => 'shop', 'template' => 'shop',
        'stylesheet' => 'shop', 'blog_charset' => 'UTF-8', 'show_on_front' => 'posts', 'posts_per_page' => '10',
        'active_plugins' => 'a:0:{}', 'db_version' => '53496', 'initial_db_version' => '53496', 'rewrite_rules' => '', 'WPLANG' => '', 'gmt_offset' => '0',
        'timezone_string' => 'UTC', 'date_format' => 'Y-m-d', 'time_format' => 'H:i', 'wp_user_roles' => 'a:0:{}', 'upload_path' => '',
    ];
    private function options(): array
    {
        $here = 'http://' . $_SERVER['HTTP_HOST'];
        return ['siteurl' => $here, 'home' => $here] + self::OPTIONS;
    }
    public function __construct() { $this->charset = 'utf8'; $this->ready = true; $this->is_mysql = true; $this->has_connected = true; }
    public function db_connect($allow_bail = true) { return true; }
    public function check_connection($allow_bail = true) { return true; }
    public function db_version() { return '8.0.0'; }
    public function db_server_info() { return '8.0.0'; }
    public function set_charset($dbh, $charset = null, $collate = null) {}
    public function select($db, $dbh = null) { $this->ready = true; }
    public function _real_escape($data) { return addslashes((string) $data); }
    public function get_col_charset($table, $column) { return 'utf8'; }
    public function query($query)
    {
        $this->last_query = $query;
        $this->last_result = [];
        $this->num_rows = 0;
        if (preg_match("/FROM wp_options WHERE autoload/", $query) || preg_match('/SELECT option_name, option_value FROM wp_options/', $query)) {
            foreach ($this->options() as $name => $value) {
                $this->last_result[] = (object) ['option_name' => $name, 'option_value' => $value];
            }
        } elseif (preg_match("/option_name = '([^']+)'/", $query, $m) && isset($this->options()[$m[1]])) {
            $this->last_result[] = (object) ['option_value' => $this->options()[$m[1]]];
        }
        return $this->num_rows = count($this->last_result);
    }
}
$wpdb = new realdocd_wpdb();

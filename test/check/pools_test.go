package check

// faultsOfPools lie in a pool of PHP-FPM, or in how realdocd's pool has it.
func faultsOfPools() []placedFault {
	return []placedFault{
		{name: "max_conns above pm.max_children", want: "max-conns-above-children", says: []string{"pool POOL", "max_conns = 40", "at most 5", "Set max_conns to 5"}, ours: []string{"max_conns = 40"}},
		{name: "request_terminate_timeout below read_timeout", want: "terminate-timeout", says: []string{"server ROOT/POOL.sock", "10s", "read_timeout = 1m"}, pool: []string{"request_terminate_timeout = 10s"}},
		{name: "read_timeout below max_execution_time", want: "read-timeout-short", says: []string{"max_execution_time is 5m", "read_timeout = 1m"}, pool: []string{"php_admin_value[max_execution_time] = 300"}},
		{name: "a site's request_timeout below max_execution_time", want: "read-timeout-short", says: []string{"request_timeout of site POOL = 20s"}, keys: []string{`request_timeout = "20s"`}, pool: []string{"php_admin_value[max_execution_time] = 30"}},
		{name: "max_body below post_max_size", want: "max-body-small", says: []string{"3072.0 MiB", "max_body"}, pool: []string{"php_admin_value[post_max_size] = 3G"}},
		{name: "a status that does not answer", want: "status-silent", says: []string{"server ROOT/nowhere", "pm.status_listen"}, ours: []string{`status = "ROOT/nowhere"`}},
		{name: "an open_basedir without the release", want: "open-basedir-excludes-release", says: []string{"site POOL", "open_basedir is ROOT/realdocd"}, pool: []string{"php_admin_value[open_basedir] = ROOT/realdocd"}},
		{name: "an open_basedir by the link", want: "open-basedir-names-link", says: []string{"site POOL", "the link", "SITE/releases"}, pool: []string{"php_admin_value[open_basedir] = SITE/current:SITE/shared:ROOT/realdocd"}},
		{name: "an open_basedir of one release", want: "open-basedir-names-link", says: []string{"the release itself", "SITE/shared/uploads"}, pool: []string{"php_admin_value[open_basedir] = SITE/releases/1:SITE/shared:ROOT/realdocd"}},
		{name: "php_admin_value[include_path] beside a site's", want: "include-path-locked", says: []string{"php_admin_value[include_path]", "Take it out"}, keys: []string{`include_path = ".:SITE/current/lib"`}, pool: []string{"php_admin_value[include_path] = .:/usr/share/php"}},
		{name: "an include_path of FPM's pool that the other sites do not get", want: "include-path-overridden", says: []string{"include_path = .:/opt/php", "[pool.POOL]"}, keys: []string{`include_path = ".:SITE/current/lib"`, `[site.POOL-other]`, `pool = "POOL"`, `docroot = "SITE/other/public"`}, pool: []string{"php_value[include_path] = .:/opt/php"}, link: map[string]string{"other": "releases/2"}},
		{name: "auto_prepend_file by the link", want: "ini-names-link", says: []string{"site POOL", "auto_prepend_file = SITE/current/lib/part.php", "through the link"}, pool: []string{"php_admin_value[auto_prepend_file] = SITE/current/lib/part.php"}},
		{name: "auto_append_file of one release", want: "ini-names-link", says: []string{"auto_append_file = SITE/releases/1/lib/part.php", "into a release"}, pool: []string{"php_admin_value[auto_append_file] = SITE/releases/1/lib/part.php"}},
		{name: "include_path by the link in FPM's pool", want: "ini-names-link", says: []string{"include_path = .:SITE/current/lib"}, pool: []string{"php_value[include_path] = .:SITE/current/lib"}},
		{name: "session.save_path in a release", want: "ini-data-in-release", says: []string{"session.save_path = 2;SITE/current/sessions", "through the link"}, pool: []string{`php_admin_value[session.save_path] = "2;SITE/current/sessions"`}},
		{name: "upload_tmp_dir in a release", want: "ini-data-in-release", says: []string{"upload_tmp_dir = SITE/releases/1/tmp"}, pool: []string{"php_admin_value[upload_tmp_dir] = SITE/releases/1/tmp"}},
		{name: "sys_temp_dir by the link", want: "ini-data-in-release", says: []string{"sys_temp_dir = SITE/current/tmp"}, pool: []string{"php_admin_value[sys_temp_dir] = SITE/current/tmp"}},
		{name: "openssl.cafile by the link", want: "ini-data-in-release", says: []string{"openssl.cafile = SITE/current/ca.pem"}, pool: []string{"php_admin_value[openssl.cafile] = SITE/current/ca.pem"}},
		{name: "error_log by the link", want: "error-log-names-link", says: []string{"site POOL", "SITE/current/php.log"}, pool: []string{"php_admin_value[error_log] = SITE/current/php.log"}},
		{name: "FPM's slowlog in a release", want: "error-log-names-link", says: []string{"slowlog = SITE/releases/1/slow.log"}, pool: []string{"slowlog = SITE/releases/1/slow.log"}},
		{name: "FPM's access.log by the link", want: "error-log-names-link", says: []string{"access.log = SITE/current/access.log"}, pool: []string{"access.log = SITE/current/access.log"}},
		{name: "chdir of FPM by the link", want: "fpm-chdir-in-release", says: []string{"chdir = SITE/current/public", "no worker begins"}, pool: []string{"chdir = SITE/current/public"}},
		{name: "env[] of FPM with the link", want: "env-names-link", says: []string{"env[APP_ROOT] = SITE/current"}, pool: []string{"env[APP_ROOT] = SITE/current"}},
		{name: "env[] of FPM with a release", want: "env-names-link", says: []string{"env[APP_ROOT] = SITE/releases/1", "into a release"}, pool: []string{"env[APP_ROOT] = SITE/releases/1"}},
		{name: "opcache.memory_consumption in a pool", want: "opcache-in-pool", says: []string{"opcache.memory_consumption = 512", "no effect"}, pool: []string{"php_admin_value[opcache.memory_consumption] = 512"}},
		{name: "security.limit_extensions without .php", want: "fpm-mute", says: []string{"server ROOT/POOL.sock", "security.limit_extensions"}, pool: []string{"security.limit_extensions = .phtml"}},
		{name: "a chroot", want: "fpm-chroot", says: []string{"chroot = ROOT/fpm"}, asRoot: true, pool: []string{"chroot = ROOT/fpm"}},
		{name: "disable_functions with opcache's", want: "opcache-functions-disabled", says: []string{"opcache_get_status"}, pool: []string{"php_admin_value[disable_functions] = opcache_get_status,exec"}},
		{name: "slots with validate_timestamps off", want: "opcache-timestamps-off", says: []string{"goes on with the files that were there before"}, keys: []string{`docroot = "SITE/www/public"`, `slots = ["SITE/A", "SITE/B"]`}, pool: []string{"php_admin_flag[opcache.validate_timestamps] = off"}, file: slotFiles, link: slotLink},
		{name: "slots with revalidate_freq", want: "opcache-revalidate-freq", says: []string{"for up to 60 s"}, keys: []string{`docroot = "SITE/www/public"`, `slots = ["SITE/A", "SITE/B"]`}, pool: []string{"php_admin_value[opcache.revalidate_freq] = 60"}, file: slotFiles, link: slotLink},
		{name: "slots with enable_file_override", want: "opcache-file-override", says: []string{"file_exists()"}, keys: []string{`docroot = "SITE/www/public"`, `slots = ["SITE/A", "SITE/B"]`}, pool: []string{"php_admin_flag[opcache.enable_file_override] = on"}, file: slotFiles, link: slotLink},
		{name: "slots without file_update_protection", want: "opcache-update-protection", says: []string{"file_update_protection = 0"}, keys: []string{`docroot = "SITE/www/public"`, `slots = ["SITE/A", "SITE/B"]`}, pool: []string{"php_admin_value[opcache.file_update_protection] = 0"}, file: slotFiles, link: slotLink},
		{name: "opcache.use_cwd off", want: "opcache-use-cwd-off", says: []string{"opcache.use_cwd = 0"}, pool: []string{"php_admin_flag[opcache.use_cwd] = off"}},
		{name: ".user.ini where links are followed by one step", want: "user-ini-remembered", says: []string{".user.ini", "300 s"}, keys: []string{`resolve = "readlink"`}, file: map[string]string{"releases/1/public/.user.ini": "memory_limit = 200M\n"}},
	}
}

var (
	slotFiles = map[string]string{"A/public/index.php": "<?php\n", "B/public/index.php": "<?php\n"}
	slotLink  = map[string]string{"www": "A"}
)

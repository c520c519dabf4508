package incpath

import "strings"

// A shape is how paths stand in the value of a directive.
type shape int

const (
	onePath  shape = iota + 1
	pathList       // joined by ":"
	savePath       // N;MODE;PATH, or PATH alone
	command        // a path and arguments
)

// directives are those of PHP and its extensions that take paths (the list of php.ini
// directives in PHP's manual, and the pages of the extensions).
var directives = map[string]shape{
	"include_path": pathList, "open_basedir": pathList, "phar.cache_list": pathList,
	"safe_mode_exec_dir": pathList, "safe_mode_include_dir": pathList,
	"session.save_path": savePath, "sendmail_path": command,

	"auto_prepend_file": onePath, "auto_append_file": onePath,
	"browscap": onePath, "curl.cainfo": onePath, "com.typelib_file": onePath, "doc_root": onePath, "error_log": onePath,
	"extension": onePath, "extension_dir": onePath, "zend_extension": onePath, "ffi.preload": onePath,
	"mail.log": onePath, "openssl.cafile": onePath, "openssl.capath": onePath, "session.entropy_file": onePath,
	"soap.wsdl_cache_dir": onePath, "sqlite3.extension_dir": onePath, "sys_temp_dir": onePath, "upload_tmp_dir": onePath,
	"tidy.default_config": onePath, "user_dir": onePath, "phpdbg.path": onePath,
	"mysql.default_socket": onePath, "mysqli.default_socket": onePath, "pdo_mysql.default_socket": onePath,
	"mysqlnd.sha256_server_public_key": onePath, "mysqlnd_ms.config_file": onePath, "mysqlnd_memcache.config_file": onePath,
	"opcache.preload": onePath, "opcache.file_cache": onePath, "opcache.error_log": onePath,
	"opcache.blacklist_filename": onePath, "opcache.lockfile_path": onePath,
	"apc.mmap_file_mask": onePath, "apd.dumpdir": onePath, "axis2.client_home": onePath, "axis2.log_path": onePath,
	"geoip.custom_directory": onePath, "newrelic.logfile": onePath, "uploadprogress.file.filename_template": onePath,
	"vld.save_dir": onePath, "xhprof.output_dir": onePath, "yaconf.directory": onePath, "yaf.library": onePath,
	"xdebug.output_dir": onePath, "xdebug.log": onePath, "xdebug.profiler_output_dir": onePath,
	"xdebug.trace_output_dir": onePath, "xdebug.remote_log": onePath,
}

// loadsCode are the directives that decide which code runs: a value of theirs that
// cannot be known is refused.
var loadsCode = map[string]bool{
	"include_path": true, "open_basedir": true, "auto_prepend_file": true, "auto_append_file": true,
	"extension": true, "zend_extension": true, "extension_dir": true,
}

// directive maps the value of a directive.
func (m *Mapping) directive(key, value string) string {
	switch directives[key] {
	case pathList:
		return m.List(value)
	case savePath:
		at := strings.LastIndexByte(value, ';') + 1
		return m.in(value, at, len(value))
	case command:
		end := strings.IndexAny(value, " \t")
		if end < 0 {
			end = len(value)
		}
		return m.in(value, 0, end)
	case onePath:
		for _, scheme := range [...]string{"file://", "phar://"} {
			if len(value) > len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) {
				return m.in(value, len(scheme), len(value))
			}
		}
		return m.in(value, 0, len(value))
	}
	return value
}

// in maps the path that is a part of a value.
func (m *Mapping) in(value string, start, end int) string {
	mapped, ok := m.Path(value[start:end])
	if !ok || mapped == value[start:end] {
		return value
	}
	return value[:start] + mapped + value[end:]
}

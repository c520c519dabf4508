package incpath

import "strings"

// A Power is what the value of a directive can do beyond a setting.
type Power int

const (
	// NoPower is of a directive that loads nothing.
	NoPower Power = iota
	// LoadsPHP is of a directive that names PHP code which runs.
	LoadsPHP
	// LoadsNative is of a directive that loads code of the machine, or compiled code,
	// into PHP: whoever sets it is PHP-FPM's user, and nothing confines him.
	LoadsNative
)

// powers are the directives that load code (php-src, main/main.c, ext/ffi, ext/phar,
// Zend/zend_extensions.c, ext/opcache; yaf and sqlite3).
var powers = map[string]Power{
	"auto_prepend_file": LoadsPHP, "auto_append_file": LoadsPHP, "phar.cache_list": LoadsPHP,
	"doc_root": LoadsPHP, "user_dir": LoadsPHP, "yaf.library": LoadsPHP,

	"extension": LoadsNative, "extension_dir": LoadsNative, "enable_dl": LoadsNative,
	"sqlite3.extension_dir": LoadsNative, "opcache.file_cache": LoadsNative,
}

// PowerOf says what a directive can do.
func PowerOf(key string) Power {
	switch {
	case strings.HasPrefix(key, "zend_extension"), strings.HasPrefix(key, "ffi."), strings.HasPrefix(key, "opcache.preload"):
		return LoadsNative
	}
	return powers[key]
}

// CodePaths gives the paths of code in the value of a directive that has LoadsPHP.
// ok is false if one cannot be confined: it is relative, or of a stream that is no
// file.
func CodePaths(key, value string) (paths []string, ok bool) {
	items := []string{value}
	if directives[key] == pathList {
		items = strings.Split(value, ":")
	}
	for _, item := range items {
		for _, scheme := range [...]string{"file://", "phar://"} {
			if len(item) > len(scheme) && strings.EqualFold(item[:len(scheme)], scheme) {
				item = item[len(scheme):]
			}
		}
		switch {
		case item == "":
			continue
		case item[0] != '/' || strings.IndexByte(item, 0) >= 0:
			return nil, false
		}
		paths = append(paths, item)
	}
	return paths, true
}

package incpath

import "strings"

// Map gives the place of path in the release. If path is link or below it, release
// takes the place of link, and what follows stays byte for byte. Otherwise the
// result is path itself. The bool says whether path is link or below it. The only
// allocation is that of a changed path.
//
// link and release are clean absolute paths. What follows the link is not
// cleaned because PHP-FPM finds PATH_INFO by counting bytes from the end of
// SCRIPT_FILENAME (php-src, sapi/fpm/fpm/fpm_main.c, init_request_info).
func Map(path, link, release string) (string, bool) {
	end, ok := match(path, link)
	if !ok || path[:end] == release {
		return path, ok
	}
	return join(release, path[end:]), true
}

// Append appends to dst what [Map] would give, changed or not, and says whether
// path is at or below link.
func Append(dst []byte, path, link, release string) ([]byte, bool) {
	end, ok := match(path, link)
	if !ok {
		return append(dst, path...), false
	}
	if rest := path[end:]; release != "/" || rest == "" {
		dst = append(dst, release...)
	}
	return append(dst, path[end:]...), true
}

// Inside says whether path is dir or below it and stays there: no ".." follows
// dir. dir is a clean absolute path. Symlinks are not seen.
func Inside(path, dir string) bool {
	end, ok := match(path, dir)
	if !ok {
		return false
	}
	rest := path[end:]
	for rest != "" {
		var name string
		if name, rest, _ = strings.Cut(rest, "/"); name == ".." {
			return false
		}
	}
	return true
}

// match finds where in path the directory dir ends, if path is dir or below.
func match(path, dir string) (end int, ok bool) {
	if path == "" || path[0] != '/' || dir == "" || dir[0] != '/' {
		return 0, false
	}
	if dir == "/" {
		return 0, true
	}
	at := 0 // the components of path have led to dir[:at]
	for i := 0; i < len(path); {
		for i < len(path) && path[i] == '/' {
			i++
		}
		start := i
		for i < len(path) && path[i] != '/' {
			i++
		}
		switch name := path[start:i]; name {
		case "", ".":
		case "..":
			at = max(strings.LastIndexByte(dir[:at], '/'), 0)
		default:
			if !strings.HasPrefix(dir[at+1:], name) {
				return 0, false
			}
			at += 1 + len(name)
			if at == len(dir) {
				return i, true
			}
			if dir[at] != '/' {
				return 0, false
			}
		}
	}
	return 0, false
}

func join(release, rest string) string {
	if release == "/" && rest != "" {
		return rest
	}
	return release + rest
}

package incpath

import (
	"path"
	"strings"
)

// List maps each entry of an include_path, or of another list of paths that are joined by
// ":", as Mapping.Path does, or else below a path of Pattern to ResolvedDocroot. Every other
// entry stays byte for byte: ".", relative and foreign paths, and URLs,
// phar:///var/www/shop/current/x.phar too. If no entry changes, the result is includePath
// itself, without an allocation.
//
// A release whose path has a ":" cannot stand in an include_path.
func (m *Mapping) List(includePath string) string {
	var out strings.Builder
	done := 0
	for start := 0; start <= len(includePath); {
		end := entryEnd(includePath, start)
		entry := includePath[start:end]
		if mapped := m.entry(entry); mapped != entry {
			out.WriteString(includePath[done:start])
			out.WriteString(mapped)
			done = end
		}
		start = end + 1
	}
	if done == 0 {
		return includePath
	}
	out.WriteString(includePath[done:])
	return out.String()
}

func (m *Mapping) entry(entry string) string {
	if mapped, ok := m.Path(entry); ok {
		return mapped
	}
	for rest := m.Pattern; rest != ""; {
		var pattern string
		pattern, rest, _ = strings.Cut(rest, ":")
		if mapped, ok := Map(entry, path.Clean(pattern), m.ResolvedDocroot); ok {
			return mapped
		}
	}
	return entry
}

// entryEnd finds the end of the entry that begins at start, as
// php_resolve_path does (php-src, main/fopen_wrappers.c): the ":" of "://"
// after a scheme of at least two characters, save "..", ends nothing.
func entryEnd(list string, start int) int {
	i := start
	for i < len(list) && isSchemeChar(list[i]) {
		i++
	}
	scheme := list[start:i]
	if len(scheme) > 1 && scheme != ".." && strings.HasPrefix(list[i:], "://") {
		i += len("://")
	}
	if n := strings.IndexByte(list[i:], ':'); n >= 0 {
		return i + n
	}
	return len(list)
}

func isSchemeChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'
}

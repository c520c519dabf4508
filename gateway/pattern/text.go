package pattern

import (
	"path"
	"strings"
)

// wildcards are what a docroot has that is a pattern.
const wildcards = `*?[\`

// Is says whether a docroot is a pattern.
func Is(docroot string) bool { return strings.ContainsAny(docroot, wildcards) }

// Quote writes a name so that as a pattern it is only itself.
func Quote(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if strings.IndexByte(wildcards, name[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// Narrow is a pattern with the names of a path in place of its first wildcards; ""
// if they do not fit.
func Narrow(docroot, sent string) string {
	names, parts := strings.Split(sent, "/"), strings.Split(docroot, "/")
	wild := false
	for i := range min(len(parts), len(names)) {
		if ok, err := path.Match(parts[i], names[i]); err != nil || !ok {
			break
		}
		wild = wild || strings.ContainsAny(parts[i], wildcards)
		parts[i] = Quote(names[i])
	}
	if !wild {
		return ""
	}
	return strings.Join(parts, "/")
}

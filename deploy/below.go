package deploy

import "strings"

// below says whether a clean path is dir or below it. Both are absolute, or both relative
// to the same directory. Symlinks are not seen.
func below(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

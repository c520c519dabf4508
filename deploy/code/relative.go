package code

import (
	"bytes"
	"path"
	"regexp"
	"strconv"
)

var (
	// upward is a relative path that goes up first, as in '../../current/lib'.
	upward = regexp.MustCompile(`(?:\.\./)+[A-Za-z0-9_.~\x80-\xff/-]+`)
	// aboveFile is PHP's way to go up from the file: dirname(__DIR__, 2) . '/current/lib',
	// and dirname(dirname(__FILE__)) . '/current/lib'.
	aboveFile = regexp.MustCompile(`(?i)((?:dirname\s*\(\s*)+)__(DIR|FILE)__\s*(?:,\s*(\d+)\s*)?\)[\s)]*\.\s*['"]([^'"$]+)`)
)

// Relative finds where a file names a path relatively to where it lies, outside of
// comments: dir is the file's directory, and wanted says whether the path that one comes to
// is looked for.
func Relative(text []byte, lang Language, dir string, wanted func(path string) bool) []Reference {
	return eachLine(text, lang, func(line []byte) string {
		if bytes.Contains(line, []byte("../")) {
			for _, at := range upward.FindAllIndex(line, -1) {
				if to := path.Join(dir, string(line[at[0]:at[1]])); beginsRelative(line[:at[0]]) && wanted(to) {
					return to
				}
			}
		}
		if lang == PHP && bytes.Contains(line, []byte("__")) {
			for _, found := range aboveFile.FindAllSubmatch(line, -1) {
				if to := path.Join(above(dir, found), string(found[4])); wanted(to) {
					return to
				}
			}
		}
		return ""
	})
}

// beginsRelative says whether what stands before ../ belongs to another path: a name does,
// but not the slash of __DIR__ . '/../x'.
func beginsRelative(before []byte) bool {
	n := len(before)
	if n > 0 && before[n-1] == '/' {
		n--
	}
	return n == 0 || !isNameByte(before[n-1])
}

// above is the directory that a call of dirname gives.
func above(dir string, found [][]byte) string {
	levels := bytes.Count(bytes.ToLower(found[1]), []byte("dirname"))
	if n, err := strconv.Atoi(string(found[3])); err == nil {
		levels += n - 1
	}
	if string(bytes.ToUpper(found[2])) == "FILE" {
		levels--
	}
	for range min(levels, 100) {
		dir = path.Dir(dir)
	}
	return dir
}

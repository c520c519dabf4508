package doctor

import (
	"bytes"
	"path"
	"strings"
)

// A reference is a place in a file that names the link.
type reference struct {
	line int
	text string // the line, shortened
}

// maxLine is how much of a line is shown.
const maxLine = 160

// findReferences finds where a file names one of the paths, or something below
// it, outside of comments. A path that is put together of parts it does not find.
func findReferences(text []byte, lang language, names []string) (refs []reference) {
	code := blankComments(text, lang)
	line, start := 1, 0
	for start < len(code) {
		end := len(code)
		if n := bytes.IndexByte(code[start:], '\n'); n >= 0 {
			end = start + n
		}
		for _, name := range names {
			if hasPath(code[start:end], name) {
				shown := strings.TrimSpace(strings.ToValidUTF8(string(text[start:end]), "?"))
				if len(shown) > maxLine {
					shown = strings.ToValidUTF8(shown[:maxLine], "") + " ..."
				}
				refs = append(refs, reference{line, shown})
				break
			}
		}
		line, start = line+1, end+1
	}
	return refs
}

// hasPath says whether a line names a path on component boundaries: /a/current
// is not in /a/current2 nor in /mnt/a/current, and it is in phar:///a/current.
func hasPath(line []byte, name string) bool {
	for from := 0; ; {
		at := bytes.Index(line[from:], []byte(name))
		if at < 0 {
			return false
		}
		at += from
		end := at + len(name)
		if beginsPath(line[:at]) && endsName(line[end:]) {
			return true
		}
		from = at + 1
	}
}

func beginsPath(before []byte) bool {
	return len(before) == 0 || !isNameByte(before[len(before)-1])
}

// endsName says whether what follows belongs to the name no more. A full stop
// does where a sentence ends with it.
func endsName(after []byte) bool {
	if len(after) == 0 {
		return true
	}
	if after[0] == '.' {
		return len(after) == 1 || !isNameByte(after[1])
	}
	return !isNameByte(after[0])
}

// isNameByte says whether a byte is usual in the name of a file. A slash is not:
// // is one, too.
func isNameByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' ||
		b == '_' || b == '-' || b == '.' || b == '~' || b >= 0x80
}

// A language says how comments look.
type language int

const (
	other language = iota // not read
	php
	userINI // settings that PHP itself reads
	ini     // # and ; begin a comment at the beginning of a line
	plain   // no comments that we know of
)

// languageOf goes by a file's name.
func languageOf(name string) language {
	name = strings.ToLower(name)
	switch {
	case name == ".user.ini" || name == "php.ini":
		return userINI
	case name == ".htaccess" || strings.HasPrefix(name, ".env"):
		return ini
	}
	switch path.Ext(name) {
	case ".php", ".inc", ".phtml", ".php5", ".php7", ".php8", ".module", ".theme", ".engine", ".profile":
		return php
	case ".ini", ".yaml", ".yml", ".neon", ".conf", ".cfg", ".toml":
		return ini
	case ".json", ".xml":
		return plain
	}
	return other
}

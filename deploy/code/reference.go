package code

import (
	"bytes"
	"path"
	"strings"
)

// A Reference is a line of a file that names a path.
type Reference struct {
	Line int
	Text string // the line, shortened
	Name string // the path, as it was asked for
}

// maxLine is how much of a line is shown.
const maxLine = 160

// References finds where a file names one of the paths, or something below
// it, outside of comments. A path that is put together of parts it does not find, but for
// those of [Relative].
func References(text []byte, lang Language, names []string) (refs []Reference) {
	return eachLine(text, lang, func(line []byte) string {
		for _, name := range names {
			if hasPath(line, name) {
				return name
			}
		}
		return ""
	})
}

// Beside finds where a file names something below the directory roof, outside of comments,
// whose first name is other.
func Beside(text []byte, lang Language, roof string, other func(name string) bool) []Reference {
	return eachLine(text, lang, func(line []byte) string {
		for from := 0; ; {
			at := bytes.Index(line[from:], []byte(roof+"/"))
			if at < 0 {
				return ""
			}
			at += from
			rest := line[at+len(roof)+1:]
			n := 0
			for n < len(rest) && isNameByte(rest[n]) {
				n++
			}
			name := strings.TrimRight(string(rest[:n]), ".")
			if beginsPath(line[:at]) && name != "" && other(name) {
				return roof + "/" + name
			}
			from = at + 1
		}
	})
}

// eachLine gives the lines in which find finds a path, once their comments are blank.
func eachLine(text []byte, lang Language, find func(line []byte) string) (refs []Reference) {
	code := blankComments(text, lang)
	line, start := 1, 0
	for start < len(code) {
		end := len(code)
		if n := bytes.IndexByte(code[start:], '\n'); n >= 0 {
			end = start + n
		}
		if name := find(code[start:end]); name != "" {
			refs = append(refs, Reference{line, shorten(text[start:end]), name})
		}
		line, start = line+1, end+1
	}
	return refs
}

func shorten(line []byte) string {
	shown := strings.TrimSpace(strings.ToValidUTF8(string(line), "?"))
	if len(shown) > maxLine {
		shown = strings.ToValidUTF8(shown[:maxLine], "") + " ..."
	}
	return shown
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

// A Language says how comments look.
type Language int

const (
	Other Language = iota // not read
	PHP
	UserINI // settings that PHP itself reads
	INI     // # and ; begin a comment at the beginning of a line
	Plain   // no comments that we know of
)

// LanguageOf goes by a file's name.
func LanguageOf(name string) Language {
	name = strings.ToLower(name)
	switch {
	case name == ".user.ini" || name == "php.ini":
		return UserINI
	case name == ".htaccess" || strings.HasPrefix(name, ".env"):
		return INI
	}
	switch path.Ext(name) {
	case ".php", ".inc", ".phtml", ".php5", ".php7", ".php8", ".module", ".theme", ".engine", ".profile":
		return PHP
	case ".ini", ".yaml", ".yml", ".neon", ".conf", ".cfg", ".toml":
		return INI
	case ".json", ".xml":
		return Plain
	}
	return Other
}

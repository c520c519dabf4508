package fpmconf

import (
	"fmt"
	"strings"
)

// A Place is a line of a file, counted from 1; 0 stands for the file as a whole.
type Place struct {
	File string
	Line int
}

func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// A Setting is a line such as "key = value". The zero one was not set.
type Setting struct {
	Section    string // as in [PATH=/var/www/shop]; "" before the first
	Key, Value string
	At         Place
}

// IsSet says whether a file has the setting.
func (s Setting) IsSet() bool { return s.At != Place{} }

// ParseINI gives the settings of a text in their order: one a line, as PHP's own files
// are written.
func ParseINI(file, text string) []Setting {
	var got []Setting
	eachLine(file, text, func(section string, at Place) {}, func(s Setting) { got = append(got, s) })
	return got
}

// eachLine calls onSection for each [section], and onSetting for each setting.
func eachLine(file, text string, onSection func(name string, at Place), onSetting func(Setting)) {
	section, number := "", 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		at := Place{file, number}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			section = strings.TrimSpace(name)
			onSection(section, at)
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok {
			onSetting(Setting{section, strings.TrimSpace(key), unquoted(strings.TrimSpace(value)), at})
		}
	}
}

// unquoted takes quotes and a comment off a value.
func unquoted(s string) string {
	if s == "" {
		return ""
	}
	if quote := s[0]; quote == '"' || quote == '\'' {
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '\\' && quote == '"':
				i++
			case s[i] == quote:
				return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1:i])
			}
		}
		return s[1:]
	}
	s, _, _ = strings.Cut(s, ";")
	return strings.TrimSpace(s)
}

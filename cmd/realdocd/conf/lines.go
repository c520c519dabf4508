package conf

import (
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// lines says on which line of a TOML text a table or key is first set. The toml package
// tells lines only of faults that it finds itself.
type lines map[string]int

// of gives the line of a key, or of the innermost table around it that has
// one: keys of inline tables have none of their own.
func (l lines) of(path ...string) int {
	for n := len(path); n > 0; n-- {
		if line, ok := l[toml.Key(path[:n]).String()]; ok {
			return line
		}
	}
	return 0
}

// indexLines reads only as much of TOML as is needed to find the keys. For a broken text
// it finds some of them.
func indexLines(text string) lines {
	s := lineScanner{text: text, index: lines{}}
	for s.pos < len(s.text) {
		s.statement()
	}
	return s.index
}

type lineScanner struct {
	text  string
	pos   int
	table []string
	index lines
}

func (s *lineScanner) statement() {
	s.skip(" \t\r\n")
	start := s.pos
	if s.at("[") {
		s.skip("[")
		s.table = s.key()
		s.note(start, 1)
	} else if key := s.key(); len(key) > 0 {
		table := s.table
		s.table = slices.Concat(table, key)
		s.note(start, len(table)+1)
		s.table = table
	}
	s.skipRest()
}

// note notes the line of the current path, and of the tables around it from the depth on.
func (s *lineScanner) note(pos, depth int) {
	line := 1 + strings.Count(s.text[:pos], "\n")
	for ; depth <= len(s.table); depth++ {
		name := toml.Key(s.table[:depth]).String()
		if _, ok := s.index[name]; !ok {
			s.index[name] = line
		}
	}
}

// key reads a dotted key.
func (s *lineScanner) key() []string {
	var parts []string
	for {
		s.skip(" \t")
		start := s.pos
		if s.at(`"`) || s.at("'") {
			s.skipString()
			parts = append(parts, unquote(s.text[start:s.pos]))
		} else {
			s.skipUntil(".=]# \t\r\n")
			if s.pos > start {
				parts = append(parts, s.text[start:s.pos])
			}
		}
		s.skip(" \t")
		if !s.at(".") {
			return parts
		}
		s.pos++
	}
}

// skipRest goes on to the next statement, over lists and strings of many lines.
func (s *lineScanner) skipRest() {
	for depth := 0; s.pos < len(s.text); {
		c := s.text[s.pos]
		switch c {
		case '"', '\'':
			s.skipString()
			continue
		case '#':
			s.skipUntil("\n")
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		s.pos++
		if c == '\n' && depth <= 0 {
			return
		}
	}
}

func (s *lineScanner) skipString() {
	quote := s.text[s.pos : s.pos+1]
	if triple := strings.Repeat(quote, 3); s.at(triple) {
		quote = triple
	}
	for s.pos += len(quote); s.pos < len(s.text); s.pos++ {
		switch {
		case s.at(quote):
			s.pos += len(quote)
			return
		case s.at(`\`) && quote[0] == '"' && s.pos+1 < len(s.text):
			s.pos++
		}
	}
}

func (s *lineScanner) at(prefix string) bool { return strings.HasPrefix(s.text[s.pos:], prefix) }

func (s *lineScanner) skip(chars string) {
	for s.pos < len(s.text) && strings.IndexByte(chars, s.text[s.pos]) >= 0 {
		s.pos++
	}
}

func (s *lineScanner) skipUntil(chars string) {
	for s.pos < len(s.text) && strings.IndexByte(chars, s.text[s.pos]) < 0 {
		s.pos++
	}
}

func unquote(s string) string {
	if plain, err := strconv.Unquote(s); err == nil && s[0] == '"' {
		return plain
	}
	return strings.Trim(s, s[:1])
}

package nginxconf

import "strings"

// A scanner reads the tokens of one text.
type scanner struct {
	text string
	at   int
	line int
}

// directive reads words up to one of ; { and }, which end is, or to the end of the text,
// where it is 0. line is that of the first word.
func (s *scanner) directive() (words []string, line int, end byte) {
	for {
		s.skip()
		if s.at >= len(s.text) {
			return words, line, 0
		}
		if len(words) == 0 {
			line = s.line
		}
		switch c := s.text[s.at]; c {
		case ';', '{', '}':
			s.at++
			return words, line, c
		case '"', '\'':
			words = append(words, s.quoted(c))
		default:
			words = append(words, s.word())
		}
	}
}

// skip passes blanks and comments.
func (s *scanner) skip() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '\n':
			s.line++
		case ' ', '\t', '\r':
		case '#':
			end := strings.IndexByte(s.text[s.at:], '\n')
			if end < 0 {
				s.at = len(s.text)
				return
			}
			s.at += end
			continue
		default:
			return
		}
		s.at++
	}
}

// quoted reads up to the other quote.
func (s *scanner) quoted(quote byte) string {
	var b strings.Builder
	for s.at++; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		switch {
		case c == '\\' && s.at+1 < len(s.text):
			s.at++
			if next := s.text[s.at]; next != quote && next != '\\' {
				b.WriteByte(c) // it stays, as for a regular expression
			}
			s.write(&b)
		case c == quote:
			s.at++
			return b.String()
		default:
			s.write(&b)
		}
	}
	return b.String()
}

// word reads up to a blank, or to what ends a directive. ${name} is part of a word.
func (s *scanner) word() string {
	var b strings.Builder
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '\\' && s.at+1 < len(s.text):
			b.WriteByte(c)
			s.at++
		case c == '$' && s.at+1 < len(s.text) && s.text[s.at+1] == '{':
			b.WriteByte(c)
			s.at++
		case strings.IndexByte(" \t\r\n;{", c) >= 0:
			return b.String()
		}
		s.write(&b)
	}
	return b.String()
}

// write takes the byte where the scanner is.
func (s *scanner) write(b *strings.Builder) {
	if s.text[s.at] == '\n' {
		s.line++
	}
	b.WriteByte(s.text[s.at])
}

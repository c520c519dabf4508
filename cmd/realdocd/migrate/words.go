package migrate

import "strings"

// A line is a line of Apache's configuration, with those that it goes on with.
type line struct {
	text   string
	number int // of its first one
}

// lines gives the lines that are not comments, without blanks around them. A backslash
// before a line's end joins lines, of comments too, as in Apache.
func lines(text string) []line {
	var got []line
	number, start := 0, 1
	joined := ""
	for raw := range strings.Lines(text) {
		number++
		raw = strings.TrimRight(raw, "\r\n")
		if part, more := strings.CutSuffix(raw, `\`); more {
			joined += part
			continue
		}
		got = appendLine(got, line{joined + raw, start})
		joined, start = "", number+1
	}
	return appendLine(got, line{joined, start})
}

func appendLine(to []line, l line) []line {
	if l.text = strings.TrimSpace(l.text); l.text == "" || l.text[0] == '#' {
		return to
	}
	return append(to, l)
}

// words splits the arguments of a directive (httpd, server/util.c, ap_getword_conf):
// a quote is closed by its like, and a backslash takes the meaning of a backslash, and
// of the quote inside quotes.
func words(s string) []string {
	var got []string
	for {
		s = strings.TrimLeft(s, " \t\v\f")
		if s == "" {
			return got
		}
		var quote byte
		if s[0] == '"' || s[0] == '\'' {
			quote, s = s[0], s[1:]
		}
		word, end := nextWord(s, quote)
		got = append(got, word)
		s = s[end:]
	}
}

// nextWord gives a word and how many bytes of s it takes, its closing quote included.
func nextWord(s string, quote byte) (string, int) {
	var word strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && (s[i+1] == '\\' || quote != 0 && s[i+1] == quote):
			i++
			word.WriteByte(s[i])
		case quote != 0 && c == quote:
			return word.String(), i + 1
		case quote == 0 && isBlank(c):
			return word.String(), i
		default:
			word.WriteByte(c)
		}
	}
	return word.String(), len(s)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\v' || c == '\f' }

// cutWord splits the name of a directive from its arguments.
func cutWord(s string) (first, rest string) {
	if i := strings.IndexFunc(s, func(r rune) bool { return r < 128 && isBlank(byte(r)) }); i >= 0 {
		return s[:i], strings.TrimSpace(s[i:])
	}
	return s, ""
}

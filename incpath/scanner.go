package incpath

import "strings"

// kind is what a token in a directive's value is.
type kind int

const (
	endOfValue kind = iota // a line's end, a comment, or a "=" (not consumed)
	space
	text     // unquoted
	constant // unquoted, and a word that may be the name of a constant
	boolean  // on, off, null and their like
	single   // in single quotes
	double   // in double quotes
	variable // ${NAME}, and double quotes that contain one
	operator // one of & | ^ ~ ( ) !
	unclosed // a " or ${ without its end: PHP stops, with the value not set
	invalid  // PHP stops reading here
)

// token is s[start:end]; what follows it begins at next, behind the blanks
// that PHP takes with it.
type token struct {
	kind             kind
	start, end, next int
}

// scanner reads an INI text as PHP does: as far as its first NUL, and with a
// line's end behind the last byte, which FPM adds (php-src,
// sapi/fpm/fpm/fpm_main.c).
type scanner struct {
	s string
}

func newScanner(s string) scanner {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return scanner{s}
}

// at gives the byte at i; 0 is the end.
func (sc scanner) at(i int) byte {
	switch {
	case i < len(sc.s):
		return sc.s[i]
	case i == len(sc.s):
		return '\n'
	}
	return 0
}

// until cuts off what FPM adds.
func (sc scanner) until(i int) int { return min(i, len(sc.s)) }

// value reads the token at i of a directive's value (ST_VALUE). PHP's scanner
// takes the rule that matches most, and of these the first.
func (sc scanner) value(i int) token {
	after := sc.blanks(i)
	switch c := sc.at(after); {
	case isNewline(c):
		return token{endOfValue, i, i, sc.newline(after)}
	case c == ';':
		return token{endOfValue, i, i, sc.comment(after)}
	case c == '"':
		return sc.double(after)
	case after > i:
		return token{space, i, after, after}
	case c == 0:
		return token{endOfValue, i, i, i}
	case c == '=':
		return token{endOfValue, i, i, i}
	case isOperator(c):
		return token{operator, i, i + 1, sc.blanks(i + 1)}
	case c == '$' && sc.at(i+1) == '{':
		return sc.variable(i)
	}
	if c := sc.at(i); c == '\'' && sc.at(i+1) == '\'' {
		return token{endOfValue, i, i, i + 1}
	} else if c == '\'' {
		return sc.single(i)
	}
	end := sc.run(i, isValueChar, false)
	word := sc.s[sc.until(i):sc.until(end)]
	switch {
	case end == i: // a "$" at the very end
		return token{endOfValue, i, i, i + 1}
	case isBoolean(word):
		return token{boolean, i, end, sc.blanks(end)}
	case isConstant(word):
		return token{constant, i, end, end}
	}
	return token{text, i, end, end}
}

// double reads a string in double quotes.
func (sc scanner) double(start int) token {
	k := double
	for i := start + 1; ; {
		switch c := sc.at(i); {
		case c == 0:
			return token{kind: unclosed, start: start}
		case c == '"':
			return token{k, start, i + 1, sc.blanks(i + 1)}
		case c == '$' && sc.at(i+1) == '{':
			v := sc.variable(i)
			if v.kind == unclosed {
				return v
			}
			k, i = variable, v.next
		case c == '\\' && sc.at(i+1) == '"' && (isNewline(sc.at(i+2)) || sc.at(i+2) == 0):
			i++ // "C:\path\" at a line's end: the quote closes
		case c == '\\' && sc.at(i+1) != 0:
			i += 2
		default:
			i++
		}
	}
}

// single reads a string in single quotes, which is not empty.
func (sc scanner) single(start int) token {
	end := strings.IndexByte(sc.s[start+1:], '\'')
	if end <= 0 {
		return token{kind: invalid, start: start}
	}
	end += start + 2
	return token{single, start, end, end}
}

// variable reads ${NAME}.
func (sc scanner) variable(start int) token {
	end := sc.label(start + 2)
	if end == start+2 || sc.at(end) != '}' {
		return token{kind: unclosed, start: start}
	}
	return token{variable, start, end + 1, end + 1}
}

// run finds the end of a run of plain bytes. A "$" before anything but "{"
// takes the next byte with it, whichever that is, a line's end too; "$\" may
// take two, so both ways are followed and the longer one wins.
func (sc scanner) run(i int, plain func(byte) bool, escapes bool) (end int) {
	const boundary, dollar, escaped = 1, 2, 4
	end = i
	for state := boundary; state != 0; i++ {
		if state&boundary != 0 {
			end = i
		}
		c, next := sc.at(i), 0
		if c == 0 {
			break
		}
		if state&boundary != 0 {
			switch {
			case c == '$':
				next |= dollar
			case c == '\\' && escapes:
				next |= escaped
			case plain(c):
				next |= boundary
			}
		}
		if state&dollar != 0 && c != '{' {
			next |= boundary
			if c == '\\' {
				next |= escaped
			}
		}
		if state&escaped != 0 {
			next |= boundary
		}
		state = next
	}
	return end
}

func (sc scanner) label(i int) int {
	for c := sc.at(i); c != 0 && strings.IndexByte("=\n\r\t;&|^$~(){}!\"[", c) < 0; c = sc.at(i) {
		i++
	}
	return i
}

func (sc scanner) blanks(i int) int {
	for sc.at(i) == ' ' || sc.at(i) == '\t' {
		i++
	}
	return i
}

func (sc scanner) newline(i int) int {
	if sc.at(i) == '\r' && sc.at(i+1) == '\n' {
		return i + 2
	}
	return i + 1
}

func (sc scanner) comment(i int) int {
	for !isNewline(sc.at(i)) {
		i++
	}
	return sc.newline(i)
}

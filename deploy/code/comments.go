package code

import "bytes"

// blankComments gives a text with blanks for its comments, with every line where it was.
func blankComments(text []byte, lang Language) []byte {
	switch lang {
	case PHP:
		return blankPHP(text)
	case INI, UserINI:
		return blankLines(text)
	}
	return text
}

// blankLines blanks the lines that begin with # or ;.
func blankLines(text []byte) []byte {
	out := bytes.Clone(text)
	for start := 0; start < len(out); {
		end := start + lineLen(out[start:])
		if first := bytes.TrimLeft(out[start:end], " \t"); len(first) > 0 && (first[0] == '#' || first[0] == ';') {
			blank(out[start:end])
		}
		start = end + 1
	}
	return out
}

// blankPHP blanks comments between <? and ?>, as the scanner of PHP finds them
// (php-src, Zend/zend_language_scanner.l): a ?> ends a // or # comment, #[ begins
// an attribute, and what stands in a string, a heredoc included, is not a comment.
func blankPHP(text []byte) []byte {
	out := bytes.Clone(text)
	inCode := false
	for i := 0; i < len(out); {
		rest := out[i:]
		switch {
		case !inCode:
			open := bytes.Index(rest, []byte("<?"))
			if open < 0 {
				return out
			}
			i, inCode = i+open+2, true
		case bytes.HasPrefix(rest, []byte("?>")):
			i, inCode = i+2, false
		case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
			i += stringLen(rest)
		case bytes.HasPrefix(rest, []byte("<<<")):
			i += heredocLen(rest)
		case bytes.HasPrefix(rest, []byte("/*")):
			n := len(rest)
			if end := bytes.Index(rest[2:], []byte("*/")); end >= 0 {
				n = 2 + end + 2
			}
			blank(rest[:n])
			i += n
		case bytes.HasPrefix(rest, []byte("//")), rest[0] == '#' && !bytes.HasPrefix(rest, []byte("#[")):
			n := lineLen(rest)
			if end := bytes.Index(rest[:n], []byte("?>")); end >= 0 {
				n = end
			}
			blank(rest[:n])
			i += n
		default:
			i++
		}
	}
	return out
}

// stringLen is the length of a quoted string.
func stringLen(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return len(text)
}

// heredocLen is the length of <<<NAME up to where NAME stands at the beginning of
// a line, indented or not; of what only looks like one, that of its mark.
func heredocLen(text []byte) int {
	const mark = len("<<<")
	name := bytes.TrimLeft(text[mark:mark+lineLen(text[mark:])], " \t\"'")
	n := 0
	for n < len(name) && isWordByte(name[n]) {
		n++
	}
	if name = name[:n]; n == 0 {
		return mark
	}
	for at := mark + lineLen(text[mark:]) + 1; at < len(text); {
		line := text[at : at+lineLen(text[at:])]
		inside := bytes.TrimLeft(line, " \t")
		if bytes.HasPrefix(inside, name) && (len(inside) == n || !isWordByte(inside[n])) {
			return at + len(line) - len(inside) + n
		}
		at += len(line) + 1
	}
	return len(text)
}

func isWordByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b >= 0x80
}

// lineLen is the length of the first line, without its end.
func lineLen(text []byte) int {
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		return n
	}
	return len(text)
}

func blank(text []byte) {
	for i, b := range text {
		if b != '\n' {
			text[i] = ' '
		}
	}
}

package incpath

import "strings"

// What PHP's scanner calls its characters (php-src, Zend/zend_ini_scanner.l).

func isNewline(c byte) bool { return c == '\n' || c == '\r' }

func isOperator(c byte) bool { return c != 0 && strings.IndexByte("&|^~()!", c) >= 0 }

// isValueChar: VALUE_CHARS, without LITERAL_DOLLAR.
func isValueChar(c byte) bool {
	return c != 0 && strings.IndexByte("$= \t\n\r;&|^~()!\"'", c) < 0
}

// isBracketChar: SECTION_VALUE_CHARS, without what "\" and "$" begin.
func isBracketChar(c byte) bool {
	return c != 0 && strings.IndexByte("$\n\r;\"'\\]", c) < 0
}

func isTrue(word string) bool {
	return strings.EqualFold(word, "true") || strings.EqualFold(word, "on") || strings.EqualFold(word, "yes")
}

func isBoolean(word string) bool {
	switch len(word) {
	case 2, 3, 4, 5:
	default:
		return false
	}
	return isTrue(word) || strings.EqualFold(word, "false") || strings.EqualFold(word, "off") ||
		strings.EqualFold(word, "no") || strings.EqualFold(word, "none") || strings.EqualFold(word, "null")
}

// isConstant: CONSTANT.
func isConstant(word string) bool {
	for i := range len(word) {
		c := word[i] | 0x20
		if !('a' <= c && c <= 'z' || word[i] == '_' || i > 0 && '0' <= word[i] && word[i] <= '9') {
			return false
		}
	}
	return word != ""
}

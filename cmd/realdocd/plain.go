package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain is a text as it can be shown: what a terminal would obey, and what is not text, is
// written as Go does in quotes. Visitors and PHP can put such things into a URI or the
// name of a directory, and an operator looks at them.
func plain(text string) string {
	if strings.IndexFunc(text, hidden) < 0 && utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 || hidden(r) {
			quoted := strconv.Quote(text[i : i+n])
			out.WriteString(quoted[1 : len(quoted)-1])
		} else {
			out.WriteString(text[i : i+n])
		}
		i += n
	}
	return out.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) }

package manual

import (
	"regexp"
	"strings"
)

// Escape has mandoc take a line of text as it is.
func Escape(text string) string {
	text = special.Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// special are the signs with a meaning, and those that ASCII does not have.
var special = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`,
	"µs", "us", "→", "to", "≥", "at least", "≤", "at most", "×", "times")

// macro is a word that mandoc takes for a macro wherever macros have arguments, such as An and In.
var macro = regexp.MustCompile(`^([A-Z][a-z1]|Br[coq]|%[A-Z])$`)

// argument is a text as the argument of a macro, which may have words that are macros.
func argument(text string) string {
	words := strings.Fields(text)
	for i, word := range words {
		if macro.MatchString(word) {
			words[i] = `\&` + word
		} else {
			words[i] = Escape(word)
		}
	}
	if len(words) == 0 {
		return `\&`
	}
	return strings.Join(words, " ")
}

// Literal is a text of many lines that stands between .Bd -literal and .Ed.
func Literal(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, `\`, `\e`), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// Wrapped breaks a text into lines, as a page's source has them.
func Wrapped(text string) string {
	const width = 90
	var b strings.Builder
	length := 0
	for _, word := range strings.Fields(text) {
		switch n := len(word); {
		case length == 0:
		case length+1+n > width:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += len(word)
	}
	return b.String() + "\n"
}

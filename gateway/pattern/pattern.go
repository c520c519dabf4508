package pattern

import (
	"path"
	"regexp"
	"strings"
)

// A Pattern is one that was read. It never changes.
type Pattern struct {
	text    string
	texts   []string // what stands before each wildcard, and behind the last one
	matcher *regexp.Regexp
}

// Parse reads a docroot.
func Parse(docroot string) *Pattern {
	p := &Pattern{text: docroot}
	var plain, source strings.Builder
	wild := false // the wildcard before is not closed
	flush := func() {
		if wild {
			source.WriteByte(')')
			wild = false
		}
	}
	for rest := docroot; rest != ""; {
		if n := wildcardLen(rest); n > 0 {
			if !wild {
				p.texts = append(p.texts, plain.String())
				plain.Reset()
				source.WriteByte('(')
			}
			wild = true
			source.WriteString(expressionOf(rest[:n]))
			rest = rest[n:]
			continue
		}
		flush()
		if rest[0] == '\\' && len(rest) > 1 {
			rest = rest[1:]
		}
		plain.WriteByte(rest[0])
		source.WriteString(regexp.QuoteMeta(rest[:1]))
		rest = rest[1:]
	}
	flush()
	p.texts = append(p.texts, plain.String())
	p.matcher, _ = regexp.Compile("(?s)^" + source.String() + "$") // nil fits nothing
	return p
}

// wildcardLen is how long the wildcard is that a pattern begins with; 0 if it is none.
func wildcardLen(text string) int {
	switch text[0] {
	case '*', '?':
		return 1
	case '[':
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == '\\':
				i++
			case text[i] == ']' && i > 1:
				return i + 1
			}
		}
	}
	return 0
}

// expressionOf is a wildcard of path.Match as an expression.
func expressionOf(wildcard string) string {
	switch wildcard {
	case "*":
		return "[^/]*?"
	case "?":
		return "[^/]"
	}
	return strings.ReplaceAll(wildcard, "[[", `[\[`)
}

// Wildcards is how many parts a docroot has.
func (p *Pattern) Wildcards() int { return len(p.texts) - 1 }

// Parts are those of a docroot; nil if it does not fit.
func (p *Pattern) Parts(docroot string) []string {
	if p.matcher == nil {
		return nil
	}
	found := p.matcher.FindStringSubmatch(docroot)
	if found == nil {
		return nil
	}
	return found[1:]
}

// Docroot is the one with these parts; false if there is none.
func (p *Pattern) Docroot(parts []string) (string, bool) {
	if len(parts) != p.Wildcards() {
		return "", false
	}
	docroot := p.texts[0]
	for i, part := range parts {
		docroot += part + p.texts[i+1]
	}
	fits, _ := path.Match(p.text, docroot)
	if !fits || docroot != path.Clean(docroot) {
		return "", false
	}
	for i, part := range p.Parts(docroot) {
		if part != parts[i] {
			return "", false
		}
	}
	return docroot, true
}

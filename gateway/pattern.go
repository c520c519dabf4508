package gateway

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A pattern is the docroot of a site that stands for many. What its wildcards have matched
// of a docroot are the docroot's parts: s1 is the only one of /var/www/s1/current by the
// pattern /var/www/*/current. Wildcards that stand side by side are one.
type pattern struct {
	text    string
	texts   []string // what stands before each wildcard, and behind the last one
	matcher *regexp.Regexp
}

func parsePattern(docroot string) *pattern {
	p := &pattern{text: docroot}
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

// wildcards is how many parts a docroot has.
func (p *pattern) wildcards() int { return len(p.texts) - 1 }

// parts are those of a docroot; nil if it does not fit.
func (p *pattern) parts(docroot string) []string {
	if p.matcher == nil {
		return nil
	}
	found := p.matcher.FindStringSubmatch(docroot)
	if found == nil {
		return nil
	}
	return found[1:]
}

// docroot is the one with these parts; false if there is none.
func (p *pattern) docroot(parts []string) (string, bool) {
	if len(parts) != p.wildcards() {
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
	for i, part := range p.parts(docroot) {
		if part != parts[i] {
			return "", false
		}
	}
	return docroot, true
}

// fill puts the parts into a text, for {1}, {2} and so on.
func fill(text string, parts []string) string {
	return placeholders.ReplaceAllStringFunc(text, func(found string) string {
		if n, err := strconv.Atoi(found[1 : len(found)-1]); err == nil && n >= 1 && n <= len(parts) {
			return parts[n-1]
		}
		return found
	})
}

// placeholders are those of a text, such as {1}.
var placeholders = regexp.MustCompile(`\{[0-9]+\}`)

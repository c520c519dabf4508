package pattern

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// placeholders are those of a form, such as {1}.
var placeholders = regexp.MustCompile(`\{[0-9]+\}`)

// IsForm says whether a text has a placeholder, so that it differs from docroot to docroot.
func IsForm(text string) bool { return placeholders.MatchString(text) }

// Fill puts the parts of a docroot into a form. A placeholder without a part stays.
func Fill(form string, parts []string) string {
	return placeholders.ReplaceAllStringFunc(form, func(found string) string {
		if n := numberOf(found); n >= 1 && n <= len(parts) {
			return parts[n-1]
		}
		return found
	})
}

// Missing is a placeholder of a form for which a pattern of so many wildcards has no part; "" if
// there is none.
func Missing(form string, wildcards int) string {
	for _, found := range placeholders.FindAllString(form, -1) {
		if n := numberOf(found); n < 1 || n > wildcards {
			return found
		}
	}
	return ""
}

// numberOf is that of a placeholder; 0 is no part.
func numberOf(placeholder string) int {
	n, err := strconv.Atoi(placeholder[1 : len(placeholder)-1])
	if err != nil {
		return 0
	}
	return n
}

// Fits says whether a name may be what a form becomes, as fpm-s1 of fpm-{1}.
func Fits(form, name string) bool {
	var texts []string
	for _, text := range placeholders.Split(form, -1) {
		texts = append(texts, Quote(text))
	}
	ok, _ := path.Match(strings.Join(texts, "*"), name)
	return ok
}

package main

import (
	"strings"

	"realdocd/test/manual"
)

// write puts what a section says between its marks in the manual. Only what a machine shows
// that does nothing else belongs there.
func (r *report) write(section string) error { return part(section).Write(r.page.String()) }

// part is where the manual has the figures of a section.
func part(section string) manual.Part {
	return manual.Part{Page: "realdocd-performance.7", By: "make bench", Name: section}
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

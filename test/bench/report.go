package main

import (
	"fmt"
	"strings"

	"realdocd/test/manual"
)

// A report is what a section says: sentences, tables, and how far it is from what is wanted.
// It is printed as it comes, and kept as mdoc for the manual.
type report struct {
	page  strings.Builder
	goals []goal
}

// says adds a sentence.
func (r *report) says(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Println(text)
	if r.page.Len() > 0 {
		r.page.WriteString(".Pp\n") // the first one follows a heading, or goes on with a paragraph
	}
	r.page.WriteString(manual.Wrapped(manual.Escape(sentence(text))))
}

// A goal is a figure that is wanted, and what it is.
type goal struct {
	what string
	want bound
	seen float64
}

// A bound is the least or the most that a figure may be.
type bound struct {
	value float64
	least bool
	unit  string // behind the value; "" is a ratio
	count bool   // it is a whole number
}

func atLeast(value float64) bound { return bound{value: value, least: true} }
func atMost(value float64) bound  { return bound{value: value} }

func (b bound) in(unit string) bound {
	b.unit = unit
	return b
}

func (b bound) whole() bound {
	b.count = true
	return b
}

func (b bound) String() string {
	if b.least {
		return ">= " + b.text(b.value)
	}
	return "<= " + b.text(b.value)
}

// text is a figure as it is shown, and compared: of two decimals, if it is no count.
func (b bound) text(value float64) string {
	if b.count {
		return fmt.Sprintf("%.0f%s", value, b.unit)
	}
	return fmt.Sprintf("%.2f%s", value, b.unit)
}

// met says whether a figure is within the bound, as far as it is shown.
func (b bound) met(value float64) bool {
	if b.text(value) == b.text(b.value) {
		return true
	}
	return b.least == (value > b.value)
}

// wants notes a figure beside what is wanted of it.
func (r *report) wants(what string, want bound, seen float64) {
	r.goals = append(r.goals, goal{what, want, seen})
}

// end adds what was wanted, and what it is.
func (r *report) end() {
	if len(r.goals) == 0 {
		return
	}
	t := r.table("wanted", "", "it is", "")
	for _, g := range r.goals {
		short := ""
		if !g.want.met(g.seen) {
			short = "short"
		}
		t.row(g.what, g.want.String(), g.want.text(g.seen), short)
	}
	t.end()
}

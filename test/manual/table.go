package manual

import (
	"fmt"
	"strings"
)

// An Item is a name in a list, and what is said of it.
type Item struct {
	Name    string
	Literal bool // the name is what somebody types or reads, such as a key
	Says    []string
}

// List is a list of names, with what is said of each below it.
func List(items []Item) string { return list("", items) }

// Compact is a [List] without empty lines.
func Compact(items []Item) string { return list(" -compact", items) }

func list(compact string, items []Item) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".Bl -tag -width Ds%s\n", compact)
	for _, item := range items {
		literal := ""
		if item.Literal {
			literal = "Li "
		}
		fmt.Fprintf(&b, ".It %s%s\n", literal, argument(item.Name))
		for i, said := range item.Says {
			b.WriteString(Escape(said) + stop(said, i == len(item.Says)-1) + "\n")
		}
	}
	b.WriteString(".El\n")
	return b.String()
}

// stop is what stands behind one of several things that are said.
func stop(said string, last bool) string {
	switch {
	case strings.HasSuffix(said, ".") || strings.HasSuffix(said, ":"):
		return ""
	case last:
		return "."
	}
	return ";"
}

// Columns is a table without lines, whose columns are as wide as their longest cells. The first row has their
// names.
func Columns(rows [][]string) string {
	var b strings.Builder
	b.WriteString(".Bl -column")
	for _, width := range widths(rows) {
		fmt.Fprintf(&b, " %q", strings.Repeat("m", max(1, width)))
	}
	b.WriteString("\n")
	for n, cells := range rows {
		for i, cell := range cells {
			lead := " Ta "
			if i == 0 {
				lead = ".It "
			}
			if n == 0 && cell != "" {
				lead += "Sy "
			}
			b.WriteString(lead + argument(cell))
		}
		b.WriteString("\n")
	}
	b.WriteString(".El\n")
	return b.String()
}

func widths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, cells := range rows {
		for i, cell := range cells {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	return widths
}

// Box is a table with lines around its cells. The first row has the names of the columns; texts of the first
// column are broken into lines.
func Box(rows [][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TS\nallbox;\nlx%s.\n", strings.Repeat(" l", len(rows[0])-1))
	for n, cells := range rows {
		for i, cell := range cells {
			switch {
			case i > 0:
				b.WriteString("\t" + Escape(cell))
			case n == 0:
				b.WriteString(Escape(cell))
			default:
				b.WriteString("T{\n" + Escape(cell) + "\nT}")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString(".TE\n")
	return b.String()
}

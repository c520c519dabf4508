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
// names. A table that does not fit into 80 columns so is [Drawn].
func Columns(rows [][]string) string {
	if setWidth(widths(rows)) > 80 {
		return Drawn(rows)
	}
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

// setWidth is how wide mandoc sets columns, with its indentation.
func setWidth(widths []int) int {
	space := 1
	switch n := len(widths); {
	case n < 5:
		space = 4
	case n == 5:
		space = 3
	}
	sum := 5 - space
	for _, width := range widths {
		sum += width + space
	}
	return sum
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

// drawnWidth is what a terminal of 80 columns leaves of a line that is indented.
const drawnWidth = 72

// Drawn is a table whose lines are as they are shown, by mandoc and by groff. The first row has the names of the
// columns; texts of the first column are broken into lines, so that a row fits into 80 columns.
func Drawn(rows [][]string) string {
	wide := widths(rows)
	wide[0] = drawnWidth
	for _, width := range wide[1:] {
		wide[0] -= width + len(between)
	}
	for _, cells := range rows {
		for _, word := range strings.Fields(cells[0]) {
			wide[0] = max(wide[0], len([]rune(word)))
		}
	}
	var b strings.Builder
	for _, cells := range rows {
		for i, text := range broken(cells[0], wide[0]) {
			line := pad(text, wide[0])
			for column := 1; i == 0 && column < len(cells); column++ {
				line += between + pad(cells[column], wide[column])
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	return ".Bd -literal\n" + Literal(b.String()) + ".Ed\n"
}

// between stands between two columns of a table that is drawn.
const between = "  "

// broken are the lines of a text. A word that is longer than a line has one of its own.
func broken(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-len([]rune(text))))
}

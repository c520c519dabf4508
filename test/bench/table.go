package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// A table aligns its columns once all rows are there. The first row has their names.
type table struct {
	report *report
	rows   [][]string
}

func (r *report) table(columns ...string) *table {
	t := &table{report: r}
	t.row(columns...)
	return t
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// end prints the table, and adds it to the report.
func (t *table) end() {
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, cells := range t.rows {
		fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
	}
	w.Flush()
	fmt.Println()
	t.report.page.WriteString(t.mdoc())
}

// mdoc is a list of columns, each as wide as its longest cell.
func (t *table) mdoc() string {
	widths := make([]string, len(t.rows[0]))
	for _, cells := range t.rows {
		for i, cell := range cells {
			if len([]rune(cell)) > len([]rune(widths[i])) {
				widths[i] = cell
			}
		}
	}
	var b strings.Builder
	b.WriteString(".Bl -column")
	for _, width := range widths {
		fmt.Fprintf(&b, " %q", strings.Repeat("m", max(1, len([]rune(width)))))
	}
	b.WriteString("\n")
	for n, cells := range t.rows {
		for i, cell := range cells {
			lead := " Ta "
			if i == 0 {
				lead = ".It "
			}
			if n == 0 && cell != "" {
				lead += "Sy "
			}
			if cell = escape(cell); cell == "" {
				cell = `\&`
			}
			b.WriteString(lead + cell)
		}
		b.WriteString("\n")
	}
	b.WriteString(".El\n")
	return b.String()
}

func inMs(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", inMs(d)) }

package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"realdocd/test/manual"
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
	t.report.page.WriteString(manual.Columns(t.rows))
}

func inMs(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", inMs(d)) }

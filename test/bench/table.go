package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// A table aligns its columns once all rows are there.
type table struct{ w *tabwriter.Writer }

func newTable(columns ...string) table {
	t := table{tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)}
	fmt.Println()
	t.row(columns...)
	return t
}

func (t table) row(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")+"\t") }

func (t table) end() {
	t.w.Flush()
	fmt.Println()
}

func inMs(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", inMs(d)) }

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"realdocd/gateway/nearest"
)

// A statusView says which part of a status is shown, and how.
type statusView struct {
	busy bool   // only those in which something runs, or that need somebody
	sort string // one of sortKeys; "" leaves the order
	// asked is the site or the tenant that was named, and docroot the docroot.
	asked, docroot string
	// width is that of the terminal on which a watch draws; 0 is without a bound.
	width int
}

// sortKeys are what tables can be sorted by. What a table does not have leaves its order.
var sortKeys = []string{"name", "running", "waiting", "requests", "failed", "last"}

func (v *statusView) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&v.busy, "busy", false, "show only those in which something runs, or that need somebody")
	cmd.Flags().StringVar(&v.sort, "sort", "", "sort by `KEY`, the most first: "+strings.Join(sortKeys, ", "))
	cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(sortKeys, cobra.ShellCompDirectiveNoFileComp)) // fails for a flag that is not there
}

// agree refuses flags that do not go with what else was asked for.
func (v *statusView) agree(asJSON, other bool) error {
	if v.sort != "" && !slices.Contains(sortKeys, v.sort) {
		return fmt.Errorf("--sort: there is no %q%s", v.sort, nearest.Or(v.sort, sortKeys))
	}
	if asJSON && (v.busy || v.sort != "") {
		return errors.New("--busy and --sort are for people: --json has all, in the order of the configuration")
	}
	if other && (v.busy || v.sort != "") {
		return errors.New("--busy and --sort are for the tables of status: leave them out")
	}
	return nil
}

// write writes a table, as far as it fits into the width: the columns that may be left out
// go one after the other.
func (v *statusView) write(out *bytes.Buffer, rows []row, less ...string) {
	if len(rows) == 0 {
		return
	}
	for _, header := range less {
		if v.width == 0 || widthOf(rows) <= v.width {
			break
		}
		rows = withoutColumn(rows, header)
	}
	writeTable(out, rows)
}

// widthOf is how wide a table is written.
func widthOf(rows []row) (sum int) {
	var widths []int
	for _, r := range rows {
		for i, cell := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(plain(cell))))
		}
	}
	for _, w := range widths {
		sum += w + 2
	}
	return sum - 2
}

func withoutColumn(rows []row, header string) []row {
	at := slices.Index(rows[0], header)
	if at < 0 {
		return rows
	}
	var less []row
	for _, r := range rows {
		if at < len(r) {
			r = slices.Delete(slices.Clone(r), at, at+1)
		}
		less = append(less, r)
	}
	return less
}

// arranged gives of some things those that are shown, in the order in which they are. number
// is what they are sorted by; where it is 0 for all, they keep their order.
func arranged[T any](v *statusView, all []T, isBusy func(T) bool, name func(T) string, number func(T) int64) []T {
	shown := slices.Clone(all)
	if v.busy {
		shown = slices.DeleteFunc(shown, func(one T) bool { return !isBusy(one) })
	}
	switch v.sort {
	case "":
		return shown
	case "name":
		slices.SortStableFunc(shown, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
		return shown
	}
	slices.SortStableFunc(shown, func(a, b T) int { return cmp.Compare(number(b), number(a)) })
	return shown
}

package destroy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"realdocd/test/manual"
)

// A row is what deploy did in a situation.
type row struct {
	place string
	at    int
	what  string
	did   string
}

type table []row

// mdoc is what stands in the manual.
func (t table) mdoc() string {
	slices.SortFunc(t, func(a, b row) int { return cmp.Or(strings.Compare(b.place, a.place), cmp.Compare(a.at, b.at)) })
	var b strings.Builder
	for _, place := range []string{"slots", "releases"} {
		fmt.Fprintf(&b, ".Pp\nIn\n.Ic %s :\n", place)
		var items []manual.Item
		for _, r := range t {
			if r.place == place {
				items = append(items, manual.Item{Name: r.what, Says: []string{r.did}})
			}
		}
		b.WriteString(manual.List(items))
	}
	return b.String() + fmt.Sprintf(".Pp\nLost in these %d situations: nothing.\n", len(t))
}

// compare compares the manual with the run, or writes it.
func (t table) compare(tb *testing.T, want int) {
	tb.Helper()
	if len(t) < want {
		tb.Logf("the table is not compared: %d of %d situations were gone through", len(t), want)
		return
	}
	manual.Part{Page: "realdocd-deploy.7", By: "make destroy", Name: "situations"}.Compare(tb, t.mdoc())
}

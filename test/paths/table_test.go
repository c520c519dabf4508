package paths

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"realdocd/test/manual"
	"realdocd/test/stack"
)

// A table is what every spelling came to, behind realdocd and with PHP-FPM alone.
type table struct {
	pinned, alone map[string]map[string]string // by spelling and layout
}

func newTable() *table {
	return &table{map[string]map[string]string{}, map[string]map[string]string{}}
}

func (tb *table) note(sp spelling, l layout, r *result, pinned bool) {
	into := tb.alone
	if pinned {
		into = tb.pinned
	}
	if into[sp.name] == nil {
		into[sp.name] = map[string]string{}
	}
	into[sp.name][l.name] = r.verdict()
}

// verdict is the result in a word: "one release", "torn", "no answer", or the status.
func (r *result) verdict() string {
	if r.err != nil && r.tornN == 0 {
		return "no answer"
	}
	for status := range r.statuses {
		if status != 200 && r.statuses[status] > r.total/2 {
			return fmt.Sprint(status)
		}
	}
	if r.tornN > 0 || r.statuses[200] < r.total {
		return "torn"
	}
	return "one release"
}

// counted is how often each verdict came, as in "one release in 11, 404 in 1".
func counted(of map[string]string) string {
	var order []string
	n := map[string]int{}
	for _, l := range layouts {
		if n[of[l.name]]++; n[of[l.name]] == 1 {
			order = append(order, of[l.name])
		}
	}
	if len(order) == 1 {
		return order[0]
	}
	var parts []string
	for _, verdict := range order {
		parts = append(parts, fmt.Sprintf("%s in %d", verdict, n[verdict]))
	}
	return strings.Join(parts, ", ")
}

// part is where the manual has it.
var part = manual.Part{Page: "realdocd-paths.7", By: "MANUAL_WRITE=1 go test ./test/paths", Name: "spellings"}

// list is the table as the manual has it. Only the first lines are the same in every run.
func (tb *table) list() string {
	var items []manual.Item
	for _, sp := range spellings {
		items = append(items, manual.Item{Name: sp.name, Says: []string{
			sp.by + ": " + counted(tb.pinned[sp.name]) + ".", "PHP-FPM alone: " + counted(tb.alone[sp.name]) + ".",
		}})
	}
	return manual.List(items)
}

// compare wants the manual to have what ran.
func (tb *table) compare(t *testing.T) {
	if len(tb.pinned) != len(spellings) {
		t.Skip("SKIPPED, NOT PROVEN: the manual is compared when every layout has run")
	}
	for _, of := range tb.pinned {
		if len(of) != len(layouts) {
			t.Skip("SKIPPED, NOT PROVEN: the manual is compared when every layout has run")
		}
	}
	part.CompareBut(t, tb.list(), pinnedOnly)
	page, err := os.ReadFile(stack.InModule(t, "etc/man/realdocd-paths.7"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layouts {
		if !strings.Contains(string(page), "\n.It "+l.name+"\n") {
			t.Errorf("the manual does not have the layout %q", l.name)
		}
	}
}

// pinnedOnly leaves out what PHP-FPM alone has answered, which is another in every run.
func pinnedOnly(rows string) string {
	var kept []string
	for line := range strings.Lines(rows) {
		if !strings.HasPrefix(line, `PHP\-FPM alone`) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

package pins

import (
	"testing"

	"realdocd/test/manual"
)

// compare compares the table in the manual with the attacks that were tried, or writes it.
func compare(t *testing.T, attacks []attack) {
	t.Helper()
	if t.Failed() {
		return
	}
	var items []manual.Item
	for _, a := range attacks {
		counted := ""
		if a.counted != "" && a.counted != "followed" {
			counted = "; counted as " + a.counted
		}
		items = append(items, manual.Item{Name: a.name, Says: []string{a.does + counted}})
	}
	manual.Part{Page: "realdocd-pins.7", By: "make pins", Name: "attacks"}.Compare(t, manual.Compact(items))
}

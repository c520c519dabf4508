package robust

import (
	"regexp"
	"testing"

	"realdocd/test/manual"
)

// measured are figures of a run, which are another time others.
var measured = regexp.MustCompile(`\d[\d,.]* (ms|s|requests|flips|times|%)`)

// compare compares a table of the manual with the run, but for figures, or writes it.
func compare(t *testing.T, name string, rows []manual.Item, want int) {
	t.Helper()
	if len(rows) < want || t.Failed() {
		t.Logf("the table is not compared: %d of %d rows", len(rows), want)
		return
	}
	part := manual.Part{Page: "realdocd-robustness.7", By: "make robust", Name: name}
	part.CompareBut(t, manual.List(rows), func(text string) string { return measured.ReplaceAllString(text, "N $1") })
}

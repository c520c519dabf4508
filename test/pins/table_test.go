package pins

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// The table of attacks stands between these lines of the manual.
const (
	begin = ".\\\" written by make pins\n"
	end   = ".\\\" end of what make pins writes\n"
)

// compare compares the table in the manual with the attacks that were tried, or writes it.
func compare(t *testing.T, attacks []attack) {
	t.Helper()
	if t.Failed() {
		return
	}
	var b strings.Builder
	b.WriteString(".Bl -tag -width Ds -compact\n")
	for _, a := range attacks {
		counted := ""
		if a.counted != "" && a.counted != "followed" {
			counted = "; counted as " + a.counted
		}
		fmt.Fprintf(&b, ".It %s\n%s%s.\n", escape(a.name), escape(a.does), counted)
	}
	b.WriteString(".El\n")
	path := stack.InModule(t, "etc/man/realdocd-pins.7")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(text), begin)
	table, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s has no lines %q and %q", path, begin, end)
	}
	if os.Getenv("PINS_WRITE") != "" {
		table = b.String()
		if err := os.WriteFile(path, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if table != b.String() {
		t.Errorf("the manual has\n%s\nand what ran is\n%s\nWrite it with: make pins", table, b.String())
	}
}

// escape has mandoc take a text as it is.
func escape(text string) string { return strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text) }

package robust

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"realdocd/test/stack"
)

// A row is what was seen of one attack or fault: a name, and what is said of it.
type row struct {
	what string
	says []string
}

// measured are figures of a run, which are another time others.
var measured = regexp.MustCompile(`\d[\d,.]* (ms|s|requests|flips|times|%)`)

// mdoc is what stands in the manual.
func mdoc(rows []row) string {
	var b strings.Builder
	b.WriteString(".Bl -tag -width Ds\n")
	for _, r := range rows {
		fmt.Fprintf(&b, ".It %s\n", escape(r.what))
		for i, said := range r.says {
			stop := ";"
			if i == len(r.says)-1 {
				stop = "."
			}
			fmt.Fprintf(&b, "%s%s\n", escape(said), stop)
		}
	}
	b.WriteString(".El\n")
	return b.String()
}

// escape has mandoc take a text as it is.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\"", `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// compare compares a table of the manual with the run, but for figures, or writes it.
func compare(t *testing.T, name string, rows []row, want int) {
	t.Helper()
	if len(rows) < want || t.Failed() {
		t.Logf("the table is not compared: %d of %d rows", len(rows), want)
		return
	}
	path := stack.InModule(t, "etc/man/realdocd-robustness.7")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := ".\\\" written by make robust: "+name+"\n", ".\\\" end of "+name+"\n"
	before, rest, hasBegin := strings.Cut(string(text), begin)
	has, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s has no lines %q and %q", path, begin, end)
	}
	got := mdoc(rows)
	if os.Getenv("ROBUST_WRITE") != "" {
		if err := os.WriteFile(path, []byte(before+begin+got+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if has, got := measured.ReplaceAllString(has, "N $1"), measured.ReplaceAllString(got, "N $1"); has != got {
		t.Errorf("%s says something else than the run; make robust writes it (-manual +run):\n%s", path, diff.Diff(has, got))
	}
}

package destroy

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"realdocd/test/stack"
)

// A row is what deploy did in a situation.
type row struct {
	place string
	at    int
	what  string
	did   string
}

type table []row

// The table stands between these lines.
const (
	begin = ".\\\" written by make destroy\n"
	end   = ".\\\" end of what make destroy writes\n"
)

// mdoc is what stands in the manual.
func (t table) mdoc() string {
	slices.SortFunc(t, func(a, b row) int { return cmp.Or(strings.Compare(b.place, a.place), cmp.Compare(a.at, b.at)) })
	var b strings.Builder
	for _, place := range []string{"slots", "releases"} {
		fmt.Fprintf(&b, ".Pp\nIn\n.Ic %s :\n.Bl -tag -width Ds\n", place)
		for _, r := range t {
			if r.place == place {
				fmt.Fprintf(&b, ".It %s\n%s\n", escape(r.what), escape(r.did))
			}
		}
		b.WriteString(".El\n")
	}
	return b.String() + fmt.Sprintf(".Pp\nLost in these %d situations: nothing.\n", len(t))
}

// escape has mandoc take a text as it is.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\"", `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// compare compares the manual with the run, or writes it.
func (t table) compare(tb *testing.T, want int) {
	tb.Helper()
	if len(t) < want {
		tb.Logf("the table is not compared: %d of %d situations were gone through", len(t), want)
		return
	}
	path := stack.InModule(tb, "etc/man/realdocd-deploy.7")
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(text), begin)
	has, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		tb.Fatalf("%s has no lines %q and %q", path, begin, end)
	}
	got := t.mdoc()
	switch {
	case os.Getenv("DESTROY_WRITE") != "":
		if err := os.WriteFile(path, []byte(before+begin+got+end+after), 0o644); err != nil {
			tb.Fatal(err)
		}
	case has != got:
		tb.Errorf("%s says something else than the run; make destroy writes it (-manual +run):\n%s", path, diff.Diff(has, got))
	}
}

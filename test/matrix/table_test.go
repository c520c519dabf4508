package matrix

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A row is what one front has shown.
type row struct {
	front          front
	version        string
	passed, failed []string
}

// A table is all of them.
type table []row

// complete tells whether each check of each front has passed, or failed as it is known to.
func (t table) complete() bool {
	for _, row := range t {
		if len(row.passed)+len(row.failed) < len(checks) {
			return false
		}
	}
	return true
}

// markdown is what stands in the README.
func (t table) markdown() string {
	var b strings.Builder
	b.WriteString("| web server | version | connects by | passed | its connections to realdocd |\n|---|---|---|---|---|\n")
	for _, row := range t {
		passed, connections := "all", "a new one for each request"
		if len(row.failed) > 0 {
			passed = "all but: " + strings.Join(row.failed, ", ")
		}
		if row.front.keeps != "" {
			connections = "kept, `" + row.front.keeps + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", row.front.name, row.version, row.front.connection(), passed, connections)
	}
	var names []string
	for _, c := range checks {
		names = append(names, c.name)
	}
	return b.String() + "\n" + wrapped("The checks: "+strings.Join(names, "; ")+".")
}

// wrapped breaks a text into the README's lines.
func wrapped(text string) string {
	const width = 120
	var b strings.Builder
	length := 0
	for _, word := range strings.Fields(text) {
		switch n := len(word); {
		case length == 0:
		case length+1+n > width:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += len(word)
	}
	return b.String() + "\n"
}

// withoutVersions leaves out what another machine has otherwise.
func withoutVersions(table string) string {
	return regexp.MustCompile(`(?m)^(\| [^|]+ \|) \d[^|]* \|`).ReplaceAllString(table, "$1")
}

// The table stands between these lines.
const (
	begin = "<!-- written by make matrix -->\n"
	end   = "<!-- end of what make matrix writes -->\n"
)

// readme is the file with the table.
type readme struct{ path string }

// parts are what stands before the table, the table, and what stands after it.
func (r readme) parts(t *testing.T) (before, table, after string) {
	t.Helper()
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(text), begin)
	table, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s has no lines %q and %q", r.path, begin, end)
	}
	return before, table, after
}

func (r readme) table(t *testing.T) string {
	t.Helper()
	_, table, _ := r.parts(t)
	return table
}

func (r readme) write(t *testing.T, table string) {
	t.Helper()
	before, _, after := r.parts(t)
	if err := os.WriteFile(r.path, []byte(before+begin+table+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

package matrix

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
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

// mdoc is what stands in the manual: a line for each front, and the checks below them.
func (t table) mdoc() string {
	var b strings.Builder
	b.WriteString(".Bl -column \"Apache, prefork\" \"version\" \"socket\" \"15 of 16\" \"its connections\"\n")
	b.WriteString(".It Sy web server Ta Sy version Ta Sy socket Ta Sy passed Ta Sy its connections\n")
	failing := map[string][]string{} // the checks that a web server does not pass, by its name
	for _, row := range t {
		passed, connections := "all", "a new one for each request"
		if len(row.failed) > 0 {
			passed = fmt.Sprintf("%d of %d", len(row.passed), len(row.passed)+len(row.failed))
			failing[row.front.name] = row.failed
		}
		if row.front.keeps != "" {
			connections = "kept, " + row.front.keeps
		}
		fmt.Fprintf(&b, ".It %s Ta %s Ta %s Ta %s Ta %s\n", row.front.name, row.version, row.front.socket(), passed, connections)
	}
	b.WriteString(".El\n.Pp\n")
	for _, name := range slices.Sorted(maps.Keys(failing)) {
		b.WriteString(wrapped(name + " does not pass: " + strings.Join(failing[name], "; ") + "."))
	}
	var names []string
	for _, c := range checks {
		names = append(names, c.name)
	}
	return b.String() + wrapped("The checks: "+strings.Join(names, "; ")+".")
}

// wrapped breaks a text into lines, as the manual's source has them.
func wrapped(text string) string {
	const width = 90
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

// withoutVersions leaves out what is different on another machine.
func withoutVersions(table string) string {
	return regexp.MustCompile(`(?m)^(\.It .+? Ta )\d\S* Ta `).ReplaceAllString(table, "$1")
}

// The table stands between these lines.
const (
	begin = ".\\\" written by make matrix\n"
	end   = ".\\\" end of what make matrix writes\n"
)

// A manual is the file with the table.
type manual struct{ path string }

// parts are what stands before the table, the table, and what stands after it.
func (m manual) parts(t *testing.T) (before, table, after string) {
	t.Helper()
	text, err := os.ReadFile(m.path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(text), begin)
	table, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s has no lines %q and %q", m.path, begin, end)
	}
	return before, table, after
}

func (m manual) table(t *testing.T) string {
	t.Helper()
	_, table, _ := m.parts(t)
	return table
}

func (m manual) write(t *testing.T, table string) {
	t.Helper()
	before, _, after := m.parts(t)
	if err := os.WriteFile(m.path, []byte(before+begin+table+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

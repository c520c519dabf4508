package matrix

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"realdocd/test/manual"
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
	rows := [][]string{{"web server", "version", "socket", "passed", "its connections"}}
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
		rows = append(rows, []string{row.front.name, row.version, row.front.socket(), passed, connections})
	}
	text := manual.Columns(rows) + ".Pp\n"
	for _, name := range slices.Sorted(maps.Keys(failing)) {
		text += manual.Wrapped(manual.Escape(name + " does not pass: " + strings.Join(failing[name], "; ") + "."))
	}
	var names []string
	for _, c := range checks {
		names = append(names, c.name)
	}
	return text + manual.Wrapped(manual.Escape("The checks: "+strings.Join(names, "; ")+"."))
}

// withoutVersions leaves out what is different on another machine.
func withoutVersions(table string) string {
	return regexp.MustCompile(`(?m)^(\.It .+? Ta )\d\S* Ta `).ReplaceAllString(table, "$1")
}

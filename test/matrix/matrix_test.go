package matrix

import (
	"slices"
	"testing"

	"realdocd/test/manual"
)

// TestWebServers runs each check with each web server, and compares with the manual.
func TestWebServers(t *testing.T) {
	var table table
	for _, f := range fronts {
		row := row{front: f}
		t.Run(f.name+", "+f.socket(), func(t *testing.T) {
			s := openShop(t, f)
			var err error
			if row.version, err = f.server.Version(); err != nil {
				t.Fatal(err)
			}
			for _, c := range checks {
				t.Run(c.name, func(t *testing.T) {
					if slices.Contains(f.faults, c.name) {
						wantFault(t, func(t testing.TB) { c.run(t, s.in(t)) })
						row.failed = append(row.failed, c.name)
						return
					}
					c.run(t, s.in(t))
					if !t.Failed() {
						row.passed = append(row.passed, c.name)
					}
				})
			}
		})
		table = append(table, row)
	}
	t.Run("manual", func(t *testing.T) {
		if !table.complete() {
			t.Skip("SKIPPED, NOT PROVEN: the manual is compared when every check was run, and has passed")
		}
		manual.Part{Page: "realdocd.8", By: "make matrix", Name: "web servers"}.CompareBut(t, table.mdoc(), withoutVersions)
	})
}

// wantFault runs a check that must not pass.
func wantFault(t *testing.T, run func(testing.TB)) {
	t.Helper()
	fault := &fault{TB: t}
	run(fault)
	if !fault.found {
		t.Error("has passed: this version has no such fault any more; take it out of the faults")
	}
}

// A fault notes that a check has not passed.
type fault struct {
	testing.TB
	found bool
}

func (f *fault) Errorf(format string, args ...any) {
	f.found = true
	f.Logf("as known: "+format, args...)
}

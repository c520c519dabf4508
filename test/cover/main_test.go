package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport_CountsABlockOnceAndFailsIfTooFewAreRun(t *testing.T) {
	const head = "mode: set\nrealdocd/fcgi/a.go:1.1,2.2 95 0\nrealdocd/fcgi/a.go:1.1,2.2 95 1\nrealdocd/test/x.go:1.1,2.2 999 0\n"
	for _, row := range []struct {
		rest, want string
		fails      bool
	}{
		{"realdocd/fcgi/a.go:3.1,4.2 5 0\n", " 95.0 %    100 statements  the way of a request", false},
		{"realdocd/fcgi/a.go:3.1,4.2 6 0\n", " 94.1 %    101 statements  the way of a request", true},
		{"realdocd/deploy/a.go:3.1,4.2 20 0\n", " 82.6 %    115 statements  all", true},
	} {
		var out strings.Builder
		err := report(strings.NewReader(head+row.rest), &out)
		if (err != nil) != row.fails || !strings.Contains(out.String(), row.want) {
			t.Errorf("%v; %s", err, &out)
		}
	}
	if err := report(strings.NewReader("nonsense\n"), new(strings.Builder)); err == nil {
		t.Error("nonsense was read as a profile")
	}
}

// A file that was moved would no longer count, and nobody would see it.
func TestWay_IsOfFilesThatAreThere(t *testing.T) {
	for pkg, files := range way {
		dir := filepath.Join("../..", strings.TrimPrefix(pkg, "realdocd/"))
		for _, file := range append([]string{"."}, files...) {
			if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
				t.Errorf("the way of a request has %s of %s: %v", file, pkg, err)
			}
		}
	}
}

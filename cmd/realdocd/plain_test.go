package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
)

func TestPlain_ShowsWhatATerminalWouldObey(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"/a path/ä€.php?x=1", "/a path/ä€.php?x=1"},
		{"/\x1b]0;owned\x07", `/\x1b]0;owned\a`},
		{"a\nrealdocd: all is well", `a\nrealdocd: all is well`},
		{"col\tumn", `col\tumn`},
		{"\xff\x9b31m", `\xff\x9b31m`},
		{"\u202egnp.exe", `\u202egnp.exe`},
		{"\u009b31m", `\u009b31m`},
	} {
		if got := plain(row.text); got != row.want {
			t.Errorf("plain(%q) = %q, want %q", row.text, got, row.want)
		}
	}
}

// A visitor chooses the URI that an operator looks at, and PHP the name of a release.
func TestStatusAndDrain_ObeyNobodysTerminalEscapes(t *testing.T) {
	const escape = "\x1b[2J\u009b"
	var out bytes.Buffer
	writeOccupants(&out, []control.Occupant{{Kind: "request", What: "GET /" + escape}})
	st := control.Status{Sites: []control.SiteStatus{{Name: "shop", Docroot: "/srv/" + escape, Pool: "www"}}}
	if err := (&statusView{}).writeStatus(&out, st, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	detail := control.SiteDetail{Docroots: []control.DocrootStatus{{
		Docroot: "/srv/" + escape, Releases: []control.ReleaseStatus{{Name: escape, Path: escape, Inside: []control.Occupant{{What: escape}}}},
	}}}
	if err := (&statusView{}).writeSite(&out, detail, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	printError(&out, errors.New("release "+escape))
	if text := out.String(); strings.ContainsAny(text, "\x1b\u009b") || !strings.Contains(text, `\x1b[2J\u009b`) {
		t.Errorf("the terminal gets %q", text)
	}
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// A fakeSite is the site "shop" on disk, with a configuration, and a daemon that
// knows it when it was started.
type fakeSite struct {
	t      *testing.T
	dir    string
	link   string
	config string
	daemon *fakeDaemon
}

// newFakeSite makes the releases 1 and 2, with 1 live.
func newFakeSite(t *testing.T, siteKeys ...string) *fakeSite {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeSite{
		t: t, dir: dir, link: filepath.Join(dir, "current"),
		daemon: newFakeDaemon(t, dir+"/c.sock", []string{"www"}, "shop"),
	}
	s.daemon.env = s.env
	for _, name := range []string{"1", "2"} {
		s.mkdir("releases/" + name + "/public")
	}
	s.mkdir("state")
	if err := os.Symlink("releases/1", s.link); err != nil {
		t.Fatal(err)
	}
	s.config = writeConfig(t, fmt.Sprintf("control = %q\nstate_dir = %q\n[pool.www]\nserver = ['/fpm.sock']\n[site.shop]\ndocroot = %q\n%s\n",
		dir+"/c.sock", dir+"/state", s.link+"/public", strings.ReplaceAll(strings.Join(siteKeys, "\n"), "DIR", dir)))
	return s
}

// edit replaces a text in the configuration.
func (s *fakeSite) edit(old, new string) {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	if err == nil {
		err = os.WriteFile(s.config, bytes.ReplaceAll(text, []byte(old), []byte(new)), 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *fakeSite) mkdir(dir string) string {
	s.t.Helper()
	dir = filepath.Join(s.dir, dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	return dir
}

func (s *fakeSite) release(name string) string { return filepath.Join(s.dir, "releases", name) }

// startDaemon starts the daemon that the configuration names.
func (s *fakeSite) startDaemon() { s.daemon.start() }

// run runs a command with the site's configuration, given before the first "--".
func (s *fakeSite) run(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	at := slices.Index(args, "--")
	if at < 0 {
		at = len(args)
	}
	return run(s.t, slices.Insert(slices.Clone(args), at, "--config", s.config)...)
}

func (s *fakeSite) wantLive(release string) {
	s.t.Helper()
	if live, err := filepath.EvalSymlinks(s.link); err != nil || live != release {
		s.t.Errorf("live is %s (%v), want %s", live, err, release)
	}
}

// env is of a command that enters.
func (s *fakeSite) env() control.CommandEnv {
	real, _ := filepath.EvalSymlinks(s.link)
	return control.CommandEnv{
		Docroot: s.link + "/public", Link: s.link, Release: real, Name: filepath.Base(real),
		ResolvedDocroot: real + "/public", IncludePath: ".:" + real + "/lib",
	}
}

// wantAsked compares what the daemon was asked about the site, as "METHOD /verb RELEASE" with
// the release's path below the site's, or "METHOD /verb WHO". Questions that change nothing are
// left out.
func (s *fakeSite) wantAsked(want ...string) {
	s.t.Helper()
	var asked []string
	for _, a := range s.daemon.takeAsked() {
		method, uri, _ := strings.Cut(a, " ")
		path, _, _ := strings.Cut(uri, "?")
		if verb, ok := strings.CutPrefix(path, "/v1/sites/shop/"); ok {
			verb = "/" + verb
			release := strings.TrimPrefix(query(uri, "release"), s.dir+"/")
			asked = append(asked, strings.TrimSpace(method+" "+verb+" "+release+query(uri, "by")))
		}
	}
	if !slices.Equal(asked, want) {
		s.t.Errorf("the daemon was asked\n%q\nwant\n%q", asked, want)
	}
}

// wantHistory compares the file's events as "release by".
func (s *fakeSite) wantHistory(want ...string) {
	s.t.Helper()
	events, err := deploy.NewHistory(s.dir+"/state", "shop").Events()
	var have []string
	for _, e := range events {
		have = append(have, filepath.Base(e.Release)+" "+e.By)
	}
	if err != nil || !slices.Equal(have, want) {
		s.t.Errorf("the history is %q (%v), want %q", have, err, want)
	}
}

func (s *fakeSite) addHistory(release, by string) {
	s.t.Helper()
	e := deploy.Event{Time: noon, Link: s.link, Release: s.release(release), By: by}
	if err := deploy.NewHistory(s.dir+"/state", "shop").Add(e); err != nil {
		s.t.Fatal(err)
	}
	s.daemon.site.History = append(s.daemon.site.History, control.HistoryEntry(e))
}

// stepNames are the first words of the lines.
func stepNames(stdout string) (names []string) {
	for line := range strings.Lines(stdout) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return names
}

func wantSteps(t *testing.T, stdout string, want ...string) {
	t.Helper()
	if have := stepNames(stdout); !slices.Equal(have, want) {
		t.Errorf("the steps are %q, want %q:\n%s", have, want, stdout)
	}
}

func wantIn(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !bytes.Contains([]byte(text), []byte(want)) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

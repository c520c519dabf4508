package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

	mu       sync.Mutex
	asked    []string // of the daemon
	headroom control.Headroom
	warm     []control.WarmResult
	busy     map[string][]control.Occupant // by release
	detail   control.SiteDetail
	hang     chan struct{} // "warm" waits for it, where it is set
	hanging  chan struct{}
	enter    chan string // lines after the first
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
		headroom: control.Headroom{Readable: true, Opcache: true, Fits: true},
		busy:     map[string][]control.Occupant{}, enter: make(chan string, 1),
	}
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
func (s *fakeSite) startDaemon() {
	s.t.Helper()
	ln, err := net.Listen("unix", s.dir+"/c.sock")
	if err != nil {
		s.t.Fatal(err)
	}
	srv := &http.Server{Handler: s}
	go srv.Serve(ln)
	s.t.Cleanup(func() { srv.Close() })
}

func (s *fakeSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	verb := strings.TrimPrefix(r.URL.Path, "/v1/sites/shop")
	release := r.URL.Query().Get("release")
	s.mu.Lock()
	if r.URL.Path != "/v1/status" {
		s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+verb+" "+strings.TrimPrefix(release, s.dir+"/")+r.URL.Query().Get("by")))
	}
	busy, hang := s.busy[release], s.hang
	s.mu.Unlock()
	answer := func(v any) { json.NewEncoder(w).Encode(v) }
	switch {
	case r.URL.Path == "/v1/status":
		answer(control.Status{Sites: []control.SiteStatus{{Name: "shop"}}})
	case verb == "/headroom":
		answer(s.headroom)
	case verb == "/warm":
		if hang != nil {
			close(s.hanging)
			<-hang
		}
		answer(s.warm)
	case verb == "/drain" && busy != nil:
		w.WriteHeader(http.StatusConflict)
		answer(map[string]any{"error": "release " + release + " did not drain within " + r.URL.Query().Get("timeout"), "inside": busy})
	case verb == "/enter":
		real, _ := filepath.EvalSymlinks(s.link)
		answer(control.CommandEnv{
			Docroot: s.link + "/public", Link: s.link, Release: real, Name: filepath.Base(real),
			ResolvedDocroot: real + "/public", IncludePath: ".:" + real + "/lib",
		})
		http.NewResponseController(w).Flush()
		select {
		case line := <-s.enter:
			if line == "" {
				return // as a daemon that stops
			}
			fmt.Fprintln(w, line)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case <-r.Context().Done():
		}
	case strings.HasPrefix(r.URL.Path, "/v1/sites/shop"):
		answer(s.detail)
	default:
		w.WriteHeader(http.StatusNotFound)
		answer(map[string]string{"error": "there is no such site"})
	}
}

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

func (s *fakeSite) wantAsked(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.asked, want) {
		s.t.Errorf("the daemon was asked\n%q\nwant\n%q", s.asked, want)
	}
	s.asked = nil
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
	s.detail.History = append(s.detail.History, control.HistoryEntry(e))
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

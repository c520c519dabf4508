package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
)

// fakeDaemon speaks the control API as realdocd(8) has it, for a pool "www" and
// a pool "api". A drain of "api" fails.
type fakeDaemon struct {
	socket string
	status control.Status
	asked  chan string // what it was asked
}

func startFakeDaemon(t *testing.T) *fakeDaemon {
	t.Helper()
	d := &fakeDaemon{socket: filepath.Join(t.TempDir(), "control.sock"), asked: make(chan string, 10), status: control.Status{
		PID: 812, Pools: []control.PoolStatus{{Name: "www"}, {Name: "api"}}, Sites: []control.SiteStatus{},
	}}
	ln, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: d}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	return d
}

func (d *fakeDaemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := r.Method + " " + r.URL.RequestURI()
	d.asked <- asked
	w.Header().Set("Content-Type", "application/json")
	switch {
	case asked == "GET /v1/status":
		json.NewEncoder(w).Encode(d.status)
	case strings.Contains(asked, "/api/pause?drain="):
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"error":"pool \"api\" did not drain"}`)
	case strings.Contains(asked, "/www/"), strings.Contains(asked, "/api/"):
		fmt.Fprint(w, `{"name":"www"}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":"there is no such pool"}`)
	}
}

func TestPauseAndResumeAskTheDaemonAndPrintNothing(t *testing.T) {
	for args, want := range map[string]string{
		"pause www":                         "POST /v1/pools/www/pause",
		"pause www --drain":                 "POST /v1/pools/www/pause?drain=30s",
		"pause --drain --timeout 1m30s www": "POST /v1/pools/www/pause?drain=1m30s",
		"resume www":                        "POST /v1/pools/www/resume",
	} {
		d := startFakeDaemon(t)
		code, stdout, stderr := run(t, append(strings.Fields(args), "--control", d.socket)...)
		if code != exitDone || stdout != "" || stderr != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
		if asked := <-d.asked; asked != want || len(d.asked) > 0 {
			t.Errorf("%s: asked %s, want %s alone", args, asked, want)
		}
	}
}

func TestANoOfTheDaemonIsExitCode1(t *testing.T) {
	for args, want := range map[string]string{
		"pause api --drain": "realdocd: pool \"api\" did not drain\n",
		"pause ww":          "realdocd: there is no such pool\n",
		"resume ww":         "realdocd: there is no such pool\n",
	} {
		code, stdout, stderr := run(t, append(strings.Fields(args), "--control", startFakeDaemon(t).socket)...)
		if code != exitNo || stdout != "" || stderr != want {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want 1 and %q", args, code, stdout, stderr, want)
		}
	}
}

func TestADaemonThatDoesNotRunIsExitCode1(t *testing.T) {
	socket := t.TempDir() + "/control.sock"
	for _, args := range []string{"status", "status --json", "pause www", "resume www"} {
		code, stdout, stderr := run(t, append(strings.Fields(args), "--control", socket)...)
		want := "realdocd: realdocd does not run, or its control socket is elsewhere: dial unix " + socket + ": connect: no such file or directory\n"
		if code != exitNo || stdout != "" || stderr != want {
			t.Errorf("%s: exit code %d, stdout %q, stderr\n%s\nwant 1 and\n%s", args, code, stdout, stderr, want)
		}
	}
}

func TestTheControlSocketIsThatOfTheFile(t *testing.T) {
	d := startFakeDaemon(t)
	file := writeConfig(t, fmt.Sprintf("control = %q\n%s", d.socket, minimal))
	for _, args := range []string{"status", "pause www", "resume www"} {
		if code, _, stderr := run(t, append(strings.Fields(args), "--config", file)...); code != exitDone {
			t.Errorf("%s: exit code %d, stderr %q", args, code, stderr)
		}
	}
	if n := len(d.asked); n != 3 {
		t.Errorf("it was asked %d times, want 3", n)
	}
}

func TestAFileThatNamesNoControlSocketIsSaidSo(t *testing.T) {
	none := writeConfig(t, "control = ''\n"+minimal)
	bad := writeConfig(t, "lisen = []\n"+minimal)
	for file, want := range map[string]string{
		none: "realdocd: control is \"\" in " + none + ", so realdocd has no control socket: name one there, and reload realdocd\n",
		bad:  "realdocd: " + bad + ":1: unknown key \"lisen\"; did you mean \"listen\"?\n",
	} {
		if code, _, stderr := run(t, "status", "--config", file); code != exitNo || stderr != want {
			t.Errorf("exit code %d, stderr\n%s\nwant 1 and\n%s", code, stderr, want)
		}
	}
	// The flag needs no file.
	if code, _, stderr := run(t, "status", "--config", bad, "--control", startFakeDaemon(t).socket); code != exitDone {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

func TestTheShellCompletesPools(t *testing.T) {
	socket := startFakeDaemon(t).socket
	for args, want := range map[string]string{
		"pause --control " + socket:        "www\napi\n",
		"resume --control " + socket:       "www\napi\n",
		"pause www --control " + socket:    "",
		"pause --control " + socket + "no": "",
	} {
		code, stdout, _ := run(t, append(append([]string{"__complete"}, strings.Fields(args)...), "")...)
		if got, _, _ := strings.Cut(stdout, ":"); code != exitDone || got != want {
			t.Errorf("%s: exit code %d, proposed %q, want %q", args, code, stdout, want)
		}
	}
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.Local)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

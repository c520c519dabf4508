package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
)

// startFakeDaemon starts one with a pool "www", and a pool "api" in which a request runs
// that does not end.
func startFakeDaemon(t *testing.T) *fakeDaemon {
	t.Helper()
	d := newFakeDaemon(t, filepath.Join(t.TempDir(), "control.sock"), []string{"www", "api"}, "shop")
	d.status.Pools[1].Running = 1
	d.busy["api"] = []control.Occupant{{Kind: "request"}}
	d.start()
	return d
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
		asked := slices.DeleteFunc(d.takeAsked(), func(q string) bool { return q == "GET /v1/status" })
		if !slices.Equal(asked, []string{want}) {
			t.Errorf("%s: asked %q, want %s alone", args, asked, want)
		}
	}
}

// What a drain cannot see, it says before it waits.
func TestADrainWithoutAStatusSaysWhatItCannotSee(t *testing.T) {
	for _, args := range []string{"pause www --drain", "drain shop /"} {
		d := startFakeDaemon(t)
		d.status.Pools[0].Status, d.status.Sites[0].Pool = "", "www"
		_, _, stderr := run(t, append(strings.Fields(args), "--control", d.socket)...)
		if !strings.HasPrefix(stderr, "note: a script that goes on after fastcgi_finish_request is not seen: set status of [pool.www]") {
			t.Errorf("%s: stderr %q", args, stderr)
		}
	}
}

func TestANoOfTheDaemonIsExitCode1(t *testing.T) {
	for args, want := range map[string]string{
		"pause api --drain": "realdocd: pool \"api\" did not drain within 30s and was resumed: requests that run 1, connections kept 0; end them or allow more time\n",
		"pause ww":          "realdocd: there is no pool \"ww\"; did you mean \"www\"?\n",
		"resume ww":         "realdocd: there is no pool \"ww\"; did you mean \"www\"?\n",
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
	if n := len(d.takeAsked()); n != 3 {
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
		wantCode := map[string]int{none: exitNo, bad: exitConfig}[file]
		if code, _, stderr := run(t, "status", "--config", file); code != wantCode || stderr != want {
			t.Errorf("exit code %d, stderr\n%s\nwant %d and\n%s", code, stderr, wantCode, want)
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

func TestPauseResumeAndDrainAnswerInJSONWhenTold(t *testing.T) {
	for args, want := range map[string]string{
		"pause www --json":         `"paused": true`,
		"pause www --drain --json": `"paused": true`,
		"resume www --json":        `"paused": false`,
		"drain shop EMPTY --json":  `"name": "shop"`,
	} {
		d := startFakeDaemon(t)
		args = strings.Replace(args, "EMPTY", t.TempDir(), 1)
		code, stdout, _ := run(t, append(strings.Fields(args), "--control", d.socket)...)
		if code != exitDone || !json.Valid([]byte(stdout)) || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit code %d, stdout %s", args, code, stdout)
		}
	}
	for args, want := range map[string]string{
		"pause ww --json":          `"error": "there is no pool \"ww\"; did you mean \"www\"?"`,
		"pause api --drain --json": `"error": "pool \"api\" did not drain`,
		"resume ww --json":         `"error": "there is no pool`,
		"drain shop /tmp --json":   `"what": "GET /long"`,
	} {
		d := startFakeDaemon(t)
		d.busy["/tmp"] = []control.Occupant{{Kind: "request", What: "GET /long"}}
		code, stdout, stderr := run(t, append(strings.Fields(args), "--control", d.socket)...)
		if code != exitNo || !json.Valid([]byte(stdout)) || !strings.Contains(stdout, want) || !strings.HasPrefix(stderr, "realdocd: ") && !strings.Contains(stderr, "\nrealdocd: ") {
			t.Errorf("%s: exit code %d, stdout %s, stderr %s", args, code, stdout, stderr)
		}
	}
}

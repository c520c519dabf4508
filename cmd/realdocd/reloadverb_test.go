package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReload_ReturnsWhenTheDaemonHasTakenTheFile(t *testing.T) {
	r, second := startReloading(t), newSite(t)
	r.addToFile(fmt.Sprintf("[site.second]\ndocroot = %q\n", second))
	if code, stdout, stderr := run(t, "reload", "--config", r.file); code != exitDone || stdout+stderr != "" {
		t.Errorf("exit code %d, it said %q", code, stdout+stderr)
	}
	wantServed(t, r.sock, second)
}

func TestReload_TellsEachFaultAndChangesNothing(t *testing.T) {
	r := startReloading(t)
	r.addToFile("pol = 'www'\n")
	want := fmt.Sprintf("realdocd: %s:10: unknown key \"pol\" in [site.s0]; did you mean \"pool\"?\n", r.file)
	if code, _, stderr := run(t, "reload", "--config", r.file); code != exitConfig || stderr != want {
		t.Errorf("exit code %d, it said %q, want 78 and %q", code, stderr, want)
	}
	// This one only the daemon can tell.
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	none := t.TempDir() + "/none/gw.sock"
	text = bytes.Replace(text, []byte(r.sock), []byte(none), 1)
	text = bytes.Replace(text, []byte("pol = 'www'\n"), nil, 1)
	if err := os.WriteFile(r.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t, "reload", "--config", r.file); code != exitNo || !strings.HasPrefix(stderr, "realdocd: open the sockets: listen on "+none) {
		t.Errorf("exit code %d, it said %q", code, stderr)
	}
	wantServed(t, r.sock, r.docroot)
}

// systemd names the main process to ExecReload=.
func TestReload_SignalsTheMainProcessWhereNobodyCanBeAsked(t *testing.T) {
	r := startReloading(t)
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, moved := range []string{"control = ''\n", "control = '" + t.TempDir() + "/moved.sock'\n"} {
		_, rest, _ := bytes.Cut(text, []byte("\n"))
		if err := os.WriteFile(r.file, append([]byte(moved), rest...), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		code := Main([]string{"reload", "--config", r.file}, &out, &out, func(name string) string {
			return map[string]string{"MAINPID": fmt.Sprint(r.Process.Pid)}[name]
		})
		if code != exitDone || out.Len() > 0 {
			t.Errorf("exit code %d, it said %q", code, out.String())
		}
		r.says("configuration taken")
	}
}

func TestReload_SaysWhatToDoIfThereIsNobodyToAsk(t *testing.T) {
	for file, want := range map[string]string{
		writeConfig(t, "control = ''\n"+minimal):             "nobody can be asked; send SIGHUP to realdocd, and its log says what it made of the file\n",
		writeConfig(t, "control = '/nonexistent'\n"+minimal): "if the file gives control another path than before, name the one before with --control\n",
	} {
		if code, _, stderr := run(t, "reload", "--config", file); code != exitNo || !strings.HasSuffix(stderr, want) {
			t.Errorf("exit code %d, it said %q, want %q at its end", code, stderr, want)
		}
	}
}

const journalled = `export JOURNAL_STREAM="$(stat -L -c %d:%i /proc/self/fd/2)";`

// systemd starts it again at once for each request that waits in the socket, and after a
// few of those in a short time it would give the socket up.
func TestServe_AFaultUnderASocketUnitIsAnErrorInTheJournalAndNotFast(t *testing.T) {
	file := writeConfig(t, "lisen = []\n"+minimal)
	want := "<3>realdocd: " + file + `:1: unknown key "lisen"; did you mean "listen"?`
	for name, before := range map[string]string{"a socket": "LISTEN_FDS=1 LISTEN_PID=$$", "none": ""} {
		for _, format := range []string{"json", "console"} {
			began := time.Now()
			c := serveChild(t, journalled+before, nil, "--config", file, "--log-format", format)
			c.says(want)
			code := c.exits()
			if code != exitConfig {
				t.Errorf("%s: exit code %d, want 78", name, code)
			}
			if took := time.Since(began); name == "a socket" && took < faultPause {
				t.Errorf("it took %v, want at least %v", took, faultPause)
			}
		}
	}
}

// The socket unit says who may connect, and the file seems to.
func TestServe_SaysWhichKeysHaveNoEffectUnderASocketUnit(t *testing.T) {
	passed := passSocket(t, filepath.Join(t.TempDir(), "passed.sock"))
	file := siteConfig(t, "listen_mode = '0666'\nlisten_group = 'nogroup'\nlisten = ['"+filepath.Join(t.TempDir(), "gw.sock")+"']", "/nonexistent", newSite(t))
	c := serveChild(t, "LISTEN_FDS=1 LISTEN_PID=$$", []*os.File{passed}, "--config", file)
	for _, want := range []string{
		"not listened on: systemd has passed sockets, and they win; add it to the socket unit",
		"listen_mode has no effect: systemd has made the socket; set SocketMode= in the socket unit (systemctl edit realdocd.socket)",
		"listen_group has no effect: systemd has made the socket; set SocketGroup= in the socket unit (systemctl edit realdocd.socket)",
	} {
		if e := c.says(want); e["level"] != "warn" {
			t.Errorf("it is of level %v", e["level"])
		}
	}
	c.says("ready")
}

func TestServe_SaysThatSystemdHoldsNoSocket(t *testing.T) {
	r := startReloading(t)
	code, stdout, _ := run(t, "status", "--config", r.file)
	if code != exitDone || !strings.Contains(stdout, "\nSOCKET  systemd holds no socket for realdocd") {
		t.Errorf("exit code %d, status\n%s", code, stdout)
	}
}

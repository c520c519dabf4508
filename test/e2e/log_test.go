package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"realdocd/test/stack"
)

// logTo has the shop's realdocd log to a file from now on.
func (s *shop) logTo(t *testing.T, file string) {
	t.Helper()
	s.config.Log["output"] = file
	s.Reload(s.gw, s.config)
	_, err := s.gw.WaitEvent(0, promptly*20, func(e stack.Event) bool { return e.String("message") == "the log goes on there" })
	mustDo(t, err)
}

// eventsOf reads log files, compressed ones too. Every line must be an event.
func eventsOf(t *testing.T, pattern string) (events []stack.Event) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	mustDo(t, err)
	for _, file := range files {
		f, err := os.Open(file)
		mustDo(t, err)
		defer f.Close()
		var text io.Reader = f
		if strings.HasSuffix(file, ".gz") {
			text, err = gzip.NewReader(f)
			mustDo(t, err)
		}
		for lines := bufio.NewReader(text); ; {
			line, err := lines.ReadBytes('\n')
			if err == io.EOF {
				break // a line that is being written may have a beginning
			}
			mustDo(t, err)
			var e stack.Event
			if err := json.Unmarshal(line, &e); err != nil {
				t.Errorf("%s has the line %q: %v", file, line, err)
			}
			events = append(events, e)
		}
	}
	return events
}

// count counts the events with a message.
func count(events []stack.Event, message string) (n int) {
	for _, e := range events {
		if e.String("message") == message {
			n++
		}
	}
	return n
}

// logrotate makes real logrotate rotate the files in dir as the sample has it; systemd's part is a kill.
func (s *shop) logrotate(t *testing.T, dir string) func() {
	t.Helper()
	logrotate, err := stack.Find("logrotate")
	mustDo(t, err)
	sample, err := os.ReadFile("../../etc/logrotate.d/realdocd")
	mustDo(t, err)
	const kill = "systemctl kill --signal=USR1 --kill-who=main realdocd"
	text := strings.ReplaceAll(string(sample), "/var/log/realdocd", dir)
	const user = "su realdocd realdocd" // whom only an installation makes
	if !strings.Contains(text, kill) || !strings.Contains(text, user) || text == string(sample) {
		t.Fatalf("the sample is not as it was:\n%s", sample)
	}
	text = strings.Replace(text, user, "su www-data www-data", 1)
	text = strings.Replace(text, kill, fmt.Sprintf("kill -USR1 %d", s.gw.Pid()), 1)
	conf := filepath.Join(s.Dir, "logrotate.conf")
	mustDo(t, os.WriteFile(conf, []byte(text), 0o644))
	return func() {
		t.Helper()
		if out, err := exec.Command(logrotate, "--force", "--state", conf+".state", conf).CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("logrotate: %v: %s", err, out)
		}
	}
}

func TestLogrotateUnderTrafficLosesNoLine(t *testing.T) {
	stack.NeedRoot(t, "to have another user's files")
	stack.Need(t, "logrotate")
	s := openShop(t)
	dir := filepath.Join(s.Dir, "logs")
	mustDo(t, exec.Command("install", "-d", "-m", "0750", "-o", "www-data", "-g", "www-data", dir).Run()) // as LogsDirectory= does
	file := filepath.Join(dir, "realdocd.log")
	mustDo(t, exec.Command("install", "-m", "0640", "-o", "www-data", "-g", "www-data", "/dev/null", file).Run()) // the unit's user
	s.logTo(t, file)
	rotate := s.logrotate(t, dir)
	traffic := stack.Load{URLs: []string{s.web.URL(0, "/index.php")}, Requests: 1500}.Start(t.Context())
	const times = 5
	for n := range times {
		s.More(traffic, 100)
		stack.Until(t, "the file has a line: logrotate leaves an empty one alone", func() bool {
			fi, err := os.Stat(file)
			return err == nil && fi.Size() > 0
		})
		rotate()
		mustDo(t, stack.Poll(func() error {
			if got := count(eventsOf(t, dir+"/realdocd.log*"), "log reopened"); got != n+1 {
				return fmt.Errorf("reopened %d times, want %d", got, n+1)
			}
			return nil
		}))
	}
	tally := traffic.Wait()
	mustDo(t, s.gw.Stop())
	if tally.Failed > 0 || tally.Torn > 0 {
		t.Errorf("the traffic: %v", tally)
	}
	events := eventsOf(t, dir+"/realdocd.log*")
	if got := count(events, "request"); got != tally.Total {
		t.Errorf("%d requests have %d events", tally.Total, got)
	}
	files, _ := filepath.Glob(dir + "/*")
	t.Logf("%d requests, %d events in %q", tally.Total, len(events), files)
	if len(files) != times+1 {
		t.Errorf("the files are %q, want %d", files, times+1)
	}
	if info, err := os.Stat(dir + "/realdocd.log"); err != nil || info.Mode() != 0o640 {
		t.Errorf("the new file has mode %v, %v", info.Mode(), err)
	}
}

func TestAFullDiskCostsLinesThatAreCountedAndNoRequest(t *testing.T) {
	stack.NeedRoot(t, "a mount")
	s := openShop(t)
	dir := filepath.Join(s.Dir, "small")
	mustDo(t, os.Mkdir(dir, 0o755))
	mustDo(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"))
	t.Cleanup(func() { mustDo(t, syscall.Unmount(dir, syscall.MNT_FORCE|0x2)) }) // MNT_DETACH: the log is open still
	file := filepath.Join(dir, "log")
	s.logTo(t, file)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o644); err == nil {
		t.Fatal("the disk is not full")
	}
	const requests = 200
	for range requests {
		s.get(t, "/who.php")
	}
	s.Wait(s.gw.Process, 0, stack.Containing("realdocd: the log is not written, events are dropped until it can be: write "+file+": no space left on device"))
	mustDo(t, os.Remove(filler))
	var events []stack.Event
	mustDo(t, stack.Poll(func() error {
		if events = eventsOf(t, file); count(events, "events are lost: the log could not be written") == 0 {
			return fmt.Errorf("the log does not tell what was lost: %v", events)
		}
		return nil
	}))
	lost := 0
	for _, e := range events {
		n, _ := e["lost"].(float64)
		lost += int(n)
	}
	if there := count(events, "request"); there+lost != requests || lost == 0 {
		t.Errorf("%d events are there and %d lost, of %d", there, lost, requests)
	}
}

// inNamespace runs systemd's journal on a /run of its own, and realdocd as a unit is run: with the journal
// for its standard error, and JOURNAL_STREAM, which systemd sets and systemd-cat of Debian 12 does not.
const inNamespace = `
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\n' >/run/systemd/journald.conf.d/test.conf
"$JOURNALD" & journald=$!
until [ -S /run/systemd/journal/stdout ]; do sleep 0.05; done
"$CAT" --identifier=realdocd /bin/sh -ec '
	export JOURNAL_STREAM="$(stat -L -c %d:%i /proc/self/fd/2)"
	exec "$BINARY" serve --config "$CONFIG"' & realdocd=$!
until [ -e "$DIR/asked" ]; do sleep 0.05; done
kill -TERM $realdocd
wait $realdocd || true
"$JOURNALCTL" --sync
"$JOURNALCTL" --quiet --identifier=realdocd --output=json >"$DIR/all"
"$JOURNALCTL" --quiet --identifier=realdocd --priority=warning --output=cat >"$DIR/warnings"
kill $journald
wait $journald || true
`

func TestTheJournalHasEachEventWithItsPriority(t *testing.T) {
	stack.NeedRoot(t, "a mount")
	stack.Need(t, "journald", "systemd-cat", "journalctl")
	s := openShop(t)
	mustDo(t, s.gw.Stop()) // it goes on below the journal
	binary, err := stack.Binary()
	mustDo(t, err)
	cmd := exec.Command("unshare", "--mount", "/bin/sh", "-ec", inNamespace)
	cmd.Env = append(os.Environ(), "BINARY="+binary, "CONFIG="+s.gw.Config, "DIR="+s.Dir)
	for name, program := range map[string]string{"JOURNALD": "journald", "CAT": "systemd-cat", "JOURNALCTL": "journalctl"} {
		path, err := stack.Find(program)
		mustDo(t, err)
		cmd.Env = append(cmd.Env, name+"="+path)
	}
	said, err := os.Create(filepath.Join(s.Dir, "journal.log"))
	mustDo(t, err)
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	mustDo(t, cmd.Start())
	listens := stack.Poll(func() error {
		conn, err := s.gw.Addr.Dial()
		if err == nil {
			conn.Close()
		}
		return err
	})
	if listens == nil {
		s.get(t, "/who.php?fine")
		s.Ask(s.gw.Addr, nil, stack.ParamsFor("/none", "GET", "/refused")...)
	}
	mustDo(t, os.WriteFile(filepath.Join(s.Dir, "asked"), nil, 0o644))
	if err := cmd.Wait(); err != nil || listens != nil {
		text, _ := os.ReadFile(said.Name())
		t.Fatalf("%v, %v: %s", err, listens, text)
	}
	all, err := os.ReadFile(filepath.Join(s.Dir, "all"))
	mustDo(t, err)
	got := map[string]string{} // priority by path
	for line := range strings.Lines(string(all)) {
		var entry struct{ MESSAGE, PRIORITY string }
		var e stack.Event
		mustDo(t, json.Unmarshal([]byte(line), &entry))
		if err := json.Unmarshal([]byte(entry.MESSAGE), &e); err != nil {
			t.Errorf("the journal has %q, which is not one event: %v", entry.MESSAGE, err)
		}
		got[e.String("path")+e.String("message")] = entry.PRIORITY
	}
	for event, want := range map[string]string{"ready": "6", "/who.php?finerequest": "6", "/refusedrequest": "3", "stopped": "6"} {
		if got[event] != want {
			t.Errorf("%s has priority %q, want %s, of %v", event, got[event], want, got)
		}
	}
	warnings, err := os.ReadFile(filepath.Join(s.Dir, "warnings"))
	mustDo(t, err)
	if text := string(warnings); strings.Count(text, "\n") != 1 || !strings.Contains(text, "/refused") {
		t.Errorf("the warnings are %q, want the refusal alone", text)
	}
}

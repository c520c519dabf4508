package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// startBusyDaemon starts one whose pool and site have had 1000 more requests each time
// that it is asked.
func startBusyDaemon(t *testing.T) *fakeDaemon {
	t.Helper()
	d := newFakeDaemon(t, filepath.Join(t.TempDir(), "control.sock"), []string{"www"}, "shop")
	pool := &d.status.Pools[0]
	pool.Refused, pool.Servers = 3, []control.ServerStatus{{Address: "/run/php.sock", Up: true, Reuse: "off"}}
	d.status.Sites, d.site.Docroot = nil, "/d"
	n := uint64(0)
	d.grow = func() {
		n++
		pool.Requests = 1000 * n
		release := control.ReleaseStatus{
			Name: "42", Path: "/r/42", Live: true, Requests: int64(1000 * n),
			Inside: []control.Occupant{{Kind: "request", What: "GET /\x1b[2Jx"}},
		}
		d.site.Docroots = []control.DocrootStatus{{Docroot: "/d", Releases: []control.ReleaseStatus{release}}}
	}
	d.start()
	return d
}

// A terminal is a pseudo terminal in which a command runs.
type terminal struct {
	t      *testing.T
	master *os.File
	slave  *os.File
	before unix.Termios
	cmd    *exec.Cmd
	exited chan error

	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // something was written since it was taken
}

func startOnTerminal(t *testing.T, width, height uint16, args ...string) *terminal {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &terminal{t: t, master: master, slave: slave, exited: make(chan error, 1), more: make(chan struct{}, 1)}
	s.resize(width, height)
	s.before = s.modes()
	s.cmd = exec.Command(os.Args[0], args...)
	s.cmd.Env = append(os.Environ(), asDaemon+"=1", "GORACE=atexit_sleep_ms=0")
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		slave.Close()
		master.Close()
	})
	go s.read()
	go func() { s.exited <- s.cmd.Wait() }()
	return s
}

func (s *terminal) modes() unix.Termios {
	s.t.Helper()
	modes, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return *modes
}

func (s *terminal) resize(width, height uint16) {
	s.t.Helper()
	if err := pty.Setsize(s.master, &pty.Winsize{Cols: width, Rows: height}); err != nil {
		s.t.Fatal(err)
	}
}

// read ends when the terminal is closed.
func (s *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.text.Write(buf[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
	}
}

func (s *terminal) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// picture is the newest complete one, as lines.
func (s *terminal) picture() []string {
	parts := strings.Split(s.written(), screenHome)
	for i := len(parts) - 1; i > 0; i-- {
		if whole, _, ok := strings.Cut(parts[i], screenRest); ok {
			return strings.Split(whole, lineEnd)
		}
	}
	return nil
}

// wait waits until the picture is as it should be, and gives it.
func (s *terminal) wait(what string, is func(picture string) bool) []string {
	s.t.Helper()
	late := time.After(patience)
	for {
		picture := s.picture()
		if is(strings.Join(picture, "\n")) {
			return picture
		}
		select {
		case <-s.more:
		case err := <-s.exited:
			s.t.Fatalf("it ended (%v) before %s:\n%q", err, what, s.written())
		case <-late:
			s.t.Fatalf("not %s:\n%s", what, strings.Join(picture, "\n"))
		}
	}
}

func (s *terminal) waitFor(text string) []string {
	s.t.Helper()
	return s.wait("with "+text, func(picture string) bool { return strings.Contains(picture, text) })
}

func (s *terminal) press(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// wantEnd wants it to end by itself, with the terminal as it was.
func (s *terminal) wantEnd() {
	s.t.Helper()
	if err := stack.Receive(s.t, s.exited, "its end"); err != nil {
		s.t.Errorf("it ended with %v", err)
	}
	if after := s.modes(); after != s.before {
		s.t.Errorf("the terminal's modes are %+v, were %+v", after, s.before)
	}
	for !strings.Contains(s.written(), screenClose) {
		stack.Receive(s.t, s.more, "more on the terminal, which gives the screen back")
	}
}

func TestWatchDrawsRatesOverOneAnotherUntilSomebodyEndsIt(t *testing.T) {
	for name, end := range map[string]func(*terminal){
		"q":       func(s *terminal) { s.press("q") },
		"Ctrl-C":  func(s *terminal) { s.press("\x03") },
		"SIGTERM": func(s *terminal) { s.cmd.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(s *terminal) { s.cmd.Process.Signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			s := startOnTerminal(t, 120, 24, "status", "--watch=100ms", "--control", startBusyDaemon(t).socket)
			picture := s.waitFor("REQUESTS/S")
			if !strings.HasPrefix(s.written(), screenOpen) {
				t.Errorf("it did not begin with a screen of its own: %q", s.written())
			}
			if len(picture) != 5 || !strings.Contains(picture[0], "every 100ms; q ends") || !strings.Contains(picture[1], "pid 812") {
				t.Errorf("the picture is\n%s", strings.Join(picture, "\n"))
			}
			s.press("x") // means nothing
			end(s)
			s.wantEnd()
		})
	}
}

func TestWatchFitsTheWindow(t *testing.T) {
	s := startOnTerminal(t, 30, 4, "status", "--watch=100ms", "--control", startBusyDaemon(t).socket)
	picture := s.waitFor("... and 2 more lines")
	if len(picture) != 4 {
		t.Errorf("%d lines, want 4:\n%s", len(picture), strings.Join(picture, "\n"))
	}
	for _, line := range picture {
		if len(line) > 30 {
			t.Errorf("%d columns, want 30: %s", len(line), line)
		}
	}
	s.resize(200, 24)
	s.waitFor("REUSE")
	s.press("q")
	s.wantEnd()
}

func TestWatchDrawsANewWindowAtOnce(t *testing.T) {
	s := startOnTerminal(t, 30, 24, "status", "--watch=1h", "--control", startBusyDaemon(t).socket)
	s.waitFor("POOL")
	s.resize(200, 24)
	s.waitFor("REUSE")
	s.press("q")
	s.wantEnd()
}

func TestWatchOfASiteHasItsRatesAndObeysNobody(t *testing.T) {
	s := startOnTerminal(t, 200, 24, "status", "shop", "--watch=100ms", "--control", startBusyDaemon(t).socket)
	s.waitFor("FAILED/S")
	s.waitFor(`GET /\x1b[2Jx`)
	if strings.Contains(s.written(), "\x1b[2J") {
		t.Error("a request has cleared the screen")
	}
	s.press("q")
	s.wantEnd()
}

func TestWatchGoesOnWhileTheDaemonIsAway(t *testing.T) {
	d := startBusyDaemon(t)
	s := startOnTerminal(t, 200, 24, "status", "--watch=100ms", "--control", d.socket)
	s.waitFor("REQUESTS/S")
	d.stop()
	picture := s.waitFor("no answer for 0.3s: realdocd does not run, or its control socket is elsewhere")
	if len(picture) != 5 {
		t.Errorf("what was known last is gone:\n%s", strings.Join(picture, "\n"))
	}
	d.start()
	s.waitFor("q ends")
	s.press("q")
	s.wantEnd()
}

func TestWatchWaitsForADaemonThatIsNotThereYet(t *testing.T) {
	d := startBusyDaemon(t)
	d.stop()
	s := startOnTerminal(t, 200, 24, "status", "--watch=100ms", "--control", d.socket)
	s.waitFor("no answer for")
	d.start()
	s.waitFor("pid 812")
	s.press("q")
	s.wantEnd()
}

func TestWatchOfASiteThatIsNotThereIsExitCode1(t *testing.T) {
	for _, args := range []string{"status nosite --watch", "status nosite --watch --json"} {
		code, stdout, stderr := run(t, append(strings.Fields(args), "--control", startBusyDaemon(t).socket)...)
		if code != exitNo || stdout != "" || stderr != "realdocd: there is no such site: \"nosite\"\n" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}

// watchPipe runs a watch without a terminal, until want is on stdout so often.
func watchPipe(t *testing.T, d *fakeDaemon, want string, times int, args ...string) (stdout, stderr string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var errs bytes.Buffer
	cmd := exec.Command(os.Args[0], append(args, "--control", d.socket)...)
	cmd.Env = append(os.Environ(), asDaemon+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.Stdout, cmd.Stderr = w, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 4096)
	stopped := false
	for {
		n, err := r.Read(buf)
		stdout += string(buf[:n])
		if !stopped && strings.Count(stdout, want) >= times {
			stopped = true
			cmd.Process.Signal(os.Interrupt)
		}
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v, stderr %q, stdout\n%s", err, errs.String(), stdout)
	}
	return stdout, errs.String()
}

func TestWatchWithoutATerminalWritesOneStatusAfterTheOther(t *testing.T) {
	stdout, stderr := watchPipe(t, startBusyDaemon(t), "realdocd with pid 812", 3, "status", "--watch=100ms")
	first, rest, _ := strings.Cut(stdout, "---- ")
	if !strings.HasPrefix(first, "realdocd with pid 812") || strings.Contains(first, "REQUESTS/S") || !strings.Contains(rest, "REQUESTS/S") ||
		strings.Contains(stdout, "\x1b") || stderr != "" {
		t.Errorf("stderr %q, stdout\n%s", stderr, stdout)
	}
}

func TestWatchAsJSONIsOneObjectALine(t *testing.T) {
	stdout, _ := watchPipe(t, startBusyDaemon(t), "\n", 2, "status", "--watch=100ms", "--json")
	n := uint64(0)
	for line := range strings.Lines(stdout) {
		var st control.Status
		if err := json.Unmarshal([]byte(line), &st); err != nil || st.PID != 812 {
			t.Fatalf("%v in %q", err, line)
		}
		if n++; st.Pools[0].Requests != 1000*n {
			t.Errorf("line %d has %d requests", n, st.Pools[0].Requests)
		}
	}
	if n < 2 {
		t.Errorf("%d lines", n)
	}
}

func TestWatchWithoutATerminalSaysOnceThatNobodyAnswers(t *testing.T) {
	socket := t.TempDir() + "/control.sock"
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	daemon := control.NewClient(socket)
	var out, errs bytes.Buffer
	w := &watch[control.Status]{every: time.Millisecond, write: (&statusView{}).writeStatus, ask: func(ctx context.Context) (control.Status, error) {
		if asked++; asked == 5 {
			return control.Status{PID: 812}, nil
		}
		if asked == 6 {
			cancel()
		}
		return daemon.Status(ctx)
	}}
	if err := w.onLines(ctx, &out, &errs, false); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(out.String(), "realdocd with pid 812") || strings.Count(errs.String(), "\n") != 1 || !strings.HasPrefix(errs.String(), "realdocd: realdocd does not run") {
		t.Errorf("stdout\n%s\nstderr\n%s", out.String(), errs.String())
	}
}

func TestRatesAreOfOneDaemonAndKnownAfterTwoAnswers(t *testing.T) {
	pool := func(name string, requests, refused uint64) control.PoolStatus {
		up := control.ServerStatus{Address: "/a", Up: true, Reuse: "off"}
		return control.PoolStatus{Name: name, Requests: requests, Refused: refused, Servers: []control.ServerStatus{up, up}}
	}
	now := control.Status{Started: noon, Pools: []control.PoolStatus{pool("www", 1500, 9), pool("new", 7, 0)}}
	before := control.Status{Started: noon, Pools: []control.PoolStatus{pool("www", 1000, 0)}}
	other := before
	other.Started = ago(time.Hour)
	for _, tt := range []struct {
		name string
		was  *earlier[control.Status]
		want string
	}{
		{"the first answer", nil, `
POOL  SERVER     STATE  RUNNING  WAITING  KEPT  REQUESTS  REFUSED  REUSE
www   2 servers  up     0        0        0     1500      9
      /a         up     0                 0                        off
      /a         up     0                 0                        off
new   2 servers  up     0        0        0     7         0
      /a         up     0                 0                        off
      /a         up     0                 0                        off
`},
		{"two seconds later", &earlier[control.Status]{before, 2 * time.Second}, `
POOL  SERVER     STATE  RUNNING  WAITING  KEPT  REQUESTS  REFUSED  REQUESTS/S  REFUSED/S  REUSE
www   2 servers  up     0        0        0     1500      9        250         4.5
      /a         up     0                 0                                               off
      /a         up     0                 0                                               off
new   2 servers  up     0        0        0     7         0        -           -
      /a         up     0                 0                                               off
      /a         up     0                 0                                               off
`},
		{"a restart between", &earlier[control.Status]{other, 2 * time.Second}, `
POOL  SERVER     STATE  RUNNING  WAITING  KEPT  REQUESTS  REFUSED  REQUESTS/S  REFUSED/S  REUSE
www   2 servers  up     0        0        0     1500      9        -           -
      /a         up     0                 0                                               off
      /a         up     0                 0                                               off
new   2 servers  up     0        0        0     7         0        -           -
      /a         up     0                 0                                               off
      /a         up     0                 0                                               off
`},
	} {
		var out bytes.Buffer
		writeTable(&out, addPoolRates(poolRows(now.Pools), now, tt.was))
		if diff := cmp.Diff(tt.want, "\n"+out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestARateIsShortAndNeverNegative(t *testing.T) {
	for _, tt := range []struct {
		now, was uint64
		ago      time.Duration
		want     string
	}{
		{5, 5, time.Second, "0"},
		{6, 5, 2 * time.Second, "0.5"},
		{1234, 0, time.Second, "1234"},
		{4, 5, time.Second, "-"},
		{6, 5, 0, "-"},
	} {
		if got := perSecond(tt.now, tt.was, tt.ago); got != tt.want {
			t.Errorf("from %d to %d in %v: %s, want %s", tt.was, tt.now, tt.ago, got, tt.want)
		}
	}
}

func TestAWindowIsFilledButNotMore(t *testing.T) {
	for _, tt := range []struct {
		width, height int
		want          []string
	}{
		{5, 3, []string{"one", "two é", "three"}},
		{4, 2, []string{"one", "... "}},
		{20, 1, []string{"... and 3 more lines"}},
	} {
		if diff := cmp.Diff(tt.want, fit([]string{"one", "two é", "three"}, tt.width, tt.height)); diff != "" {
			t.Errorf("%d x %d (-want +got):\n%s", tt.width, tt.height, diff)
		}
	}
}

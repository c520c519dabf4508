package robust

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// begin sends a whole request without a body.
func (y *yard) begin(script string, more ...string) *stack.Client {
	return y.send(nil, y.params(script, more...)...)
}

// post sends one with a body.
func (y *yard) post(body []byte) *stack.Client {
	return y.send(body, y.params("/wait.php", "REQUEST_METHOD", "POST", "CONTENT_LENGTH", fmt.Sprint(len(body)))...)
}

// send sends a request, as far as realdocd takes it. If nobody listens, the client is nil.
func (y *yard) send(body []byte, pairs ...string) *stack.Client {
	y.t.Helper()
	c, err := stack.Connect(y.gw.Addr)
	if err != nil {
		return nil
	}
	y.t.Cleanup(func() { c.Close() })
	c.Begin(false)
	c.Params(pairs...)
	if len(body) > 0 {
		c.Stdin(body)
	}
	c.Stdin(nil)
	return c
}

const served = "the page"

// outcome is what a visitor of this request gets.
func (y *yard) outcome(c *stack.Client) string {
	if c == nil {
		return "nobody listens"
	}
	reply, err := c.Reply()
	switch {
	case err != nil && errors.Is(err, os.ErrDeadlineExceeded):
		return "nothing for 10 s"
	case !reply.Ended && len(reply.Body) > 0, !reply.Ended && reply.Header != nil:
		return "a response that is broken, visibly"
	case !reply.Ended:
		return "a connection that ends, which its web server makes a 502"
	case reply.Status == 200:
		return served
	}
	return fmt.Sprintf("a %d", reply.Status)
}

// awaitOutput returns when some of the output has come.
func (y *yard) awaitOutput(c *stack.Client) {
	y.t.Helper()
	r, err := c.Next()
	y.must(err)
	if r.Type != stack.StdoutType {
		y.t.Fatalf("a record of type %d came", r.Type)
	}
}

// killWorker kills the worker that runs wait.php, as soon as there is one in the state.
func (y *yard) killWorker(state string) {
	y.t.Helper()
	var pid int
	stack.Until(y.t, "a worker runs the script", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		workers, err := fpm.AskWorkers(ctx, sock.Addr(y.fpm.Status), stack.StatusPath)
		i := slices.IndexFunc(workers, func(w fpm.Worker) bool { return w.State == state && strings.HasSuffix(w.Script, "/wait.php") })
		if err != nil || i < 0 {
			return false
		}
		pid = workers[i].PID
		return true
	})
	y.must(syscall.Kill(pid, syscall.SIGKILL))
}

// killFPM kills PHP-FPM with all its workers, and removes the socket that they leave.
func (y *yard) killFPM() {
	y.t.Helper()
	for _, pid := range y.stopFPM() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	y.fpm.Stop()
	y.must(os.Remove(string(y.fpm.Addr)))
}

// stopFPM stops PHP-FPM with its workers: the master first, since it has a new worker for one that has ended.
func (y *yard) stopFPM() (pids []int) {
	y.t.Helper()
	master := y.fpm.Pid()
	y.must(syscall.Kill(master, syscall.SIGSTOP))
	stack.Until(y.t, "the master is stopped", func() bool {
		state, err := stack.StateOf(master)
		return err == nil && state == "T"
	})
	pids = append(y.fpm.Workers(), master)
	for _, pid := range pids {
		syscall.Kill(pid, syscall.SIGSTOP) // a worker may have ended
	}
	return pids
}

// freezeFPM stops PHP-FPM with its workers, until resume.
func (y *yard) freezeFPM() (resume func()) {
	y.t.Helper()
	pids := y.stopFPM()
	return func() {
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGCONT)
		}
	}
}

// logs waits for an event with the text, and gives its message, or its error.
func (y *yard) logs(text string) string {
	y.t.Helper()
	event := stack.ParseEvent(y.Wait(y.gw.Process, 0, stack.Containing(text)))
	return y.told(event)
}

// ofTheRun is the name of a history, which has the path of the link in it.
var ofTheRun = regexp.MustCompile(`current-[0-9a-f]+\.jsonl`)

// told is an event without what another run would have otherwise.
func (y *yard) told(e stack.Event) string {
	said := e.String("message")
	if err := e.String("error"); err != "" {
		said = err
	}
	for _, dir := range []string{string(y.fpm.Addr), y.site.Link(), y.Dir} {
		said = strings.ReplaceAll(said, dir, map[bool]string{true: "SOCKET", false: "DIR"}[dir == string(y.fpm.Addr)])
	}
	if i := strings.Index(said, "realdocd-body-"); i >= 0 {
		end := i + strings.IndexAny(said[i:]+":", ": ")
		said = said[:i] + "FILE" + said[end:]
	}
	said = ofTheRun.ReplaceAllString(said, "LINK.jsonl")
	if cause := e.String("cause"); cause != "" {
		said = cause + ": " + said
	}
	return said
}

// fileLogs is logs for a log that is a file.
func (y *yard) fileLogs(file, text string) string {
	y.t.Helper()
	var said string
	stack.Until(y.t, "the log has "+text, func() bool {
		lines, _ := os.ReadFile(file)
		for line := range bytes.Lines(lines) {
			if e := stack.ParseEvent(string(line)); strings.Contains(e.String("message"), text) {
				said = y.told(e)
				return true
			}
		}
		return false
	})
	return said
}

// smallDisk is a directory with a file system of its own, of one MiB and a bit.
func (y *yard) smallDisk(name string) string {
	y.t.Helper()
	dir := filepath.Join(y.Dir, name)
	y.must(os.Mkdir(dir, 0o755))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k,mode=0755"); err != nil {
		stack.Unproven(y.t, "a full disk needs a mount: "+err.Error())
	}
	y.t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fillDisk leaves no room.
func (y *yard) fillDisk(file string) {
	y.t.Helper()
	f, err := os.Create(file)
	y.must(err)
	defer f.Close()
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, syscall.ENOSPC) {
		y.t.Fatalf("the disk is not full: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return min(len(b), 4096), nil
}

// withoutLink breaks the link, and puts it right.
func (y *yard) withoutLink(destroy func(link string)) (visitor, logged string) {
	link := y.site.Link()
	destroy(link)
	time.Sleep(100 * time.Millisecond)
	visitor = y.outcome(y.begin("/small.php"))
	logged = y.logs("link cannot be resolved")
	os.RemoveAll(link)
	y.Flip(y.site, 2)
	stack.Until(y.t, "the new release is live", func() bool {
		c := y.begin("/wait.php")
		reply, err := c.Reply()
		return err == nil && strings.Contains(string(reply.Body), "release=2")
	})
	return visitor, logged
}

// serveIntoAFullPipe has another realdocd log into a pipe that nobody reads, and says what
// the last of many visitors gets, and how long SIGTERM takes.
func (y *yard) serveIntoAFullPipe() (visitor string, took time.Duration) {
	y.t.Helper()
	y.must(y.gw.Stop())
	r, w, err := os.Pipe()
	y.must(err)
	defer r.Close()
	binary, err := stack.Binary()
	y.must(err)
	cmd := exec.Command(binary, "serve", "--config", y.gw.Config)
	cmd.Stderr = w
	y.must(cmd.Start())
	w.Close()
	stack.Until(y.t, "it serves", func() bool { return y.outcome(y.begin("/small.php")) == served })
	for range 500 { // each with 2 KiB of log, which is more than a pipe takes
		visitor = y.outcome(y.begin("/small.php", "REQUEST_URI", "/"+strings.Repeat("x", 3000)))
	}
	began := time.Now()
	y.must(cmd.Process.Signal(syscall.SIGTERM))
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stack.Receive(y.t, ended, "the end of realdocd")
	took = time.Since(began)
	y.StartGatewayAgain(y.gw)
	return visitor, took
}

// upgradeSteps are how long after the birth of the successor a process is killed: the
// handover takes about 15 ms, and up to 100 ms on a busy machine.
var upgradeSteps = []time.Duration{0, 2, 4, 6, 8, 10, 12, 15, 20, 30, 60, 100}

// upgrade begins an upgrade, and gives the successor as soon as it is there. It is a
// sibling of the process that it takes over from.
func (y *yard) upgrade() (successor int) {
	y.t.Helper()
	before := stack.ChildrenOf(os.Getpid())
	y.must(y.gw.Signal(syscall.SIGUSR2))
	stack.Until(y.t, "a successor", func() bool {
		for _, pid := range stack.ChildrenOf(os.Getpid()) {
			if !slices.Contains(before, pid) {
				successor = pid
			}
		}
		return successor > 0
	})
	return successor
}

// kill ends a process of which nobody else knows.
func kill(pid int) {
	syscall.Kill(pid, syscall.SIGKILL)
	syscall.Wait4(pid, nil, 0, nil)
}

// killSuccessors begins upgrades, and kills each successor a little later than the one before.
func (y *yard) killSuccessors() (visitor, logged string) {
	y.t.Helper()
	goesOn := 0
	for _, wait := range upgradeSteps {
		mark := y.gw.Log.Mark()
		successor := y.upgrade()
		time.Sleep(wait * time.Millisecond)
		kill(successor)
		event, err := y.gw.WaitEvent(mark, stack.Patience, func(e stack.Event) bool {
			return strings.HasPrefix(e.String("message"), "upgrade failed") || strings.HasPrefix(e.String("message"), "handed over")
		})
		y.must(err)
		if strings.HasPrefix(event.String("message"), "handed over") { // a service manager starts another one
			y.StartGatewayAgain(y.gw)
			continue
		}
		if got := y.outcome(y.begin("/small.php")); got != served {
			y.t.Errorf("killed after %v: a visitor gets %s", wait*time.Millisecond, got)
		}
		goesOn++
	}
	y.t.Logf("the process before went on %d times of %d", goesOn, len(upgradeSteps))
	mark := y.gw.Log.Mark()
	kill(y.upgrade())
	event := stack.ParseEvent(y.Wait(y.gw.Process, mark, stack.Containing("upgrade failed")))
	return served + "; nobody listens if the successor served already, until the service manager starts realdocd again", y.told(event)
}

// killPredecessors kills the process that hands over.
func (y *yard) killPredecessors() (visitor, logged string) {
	y.t.Helper()
	goesOn := 0
	for _, wait := range upgradeSteps {
		successor := y.upgrade()
		time.Sleep(wait * time.Millisecond)
		y.gw.Signal(syscall.SIGKILL) // it may have ended
		stack.Receive(y.t, y.gw.Done(), "the end of realdocd")
		time.Sleep(200 * time.Millisecond)
		if y.outcome(y.begin("/small.php")) == served {
			goesOn++
		}
		kill(successor)
		y.StartGatewayAgain(y.gw)
	}
	y.t.Logf("the successor served %d times of %d", goesOn, len(upgradeSteps))
	if goesOn == 0 {
		y.t.Error("no successor served")
	}
	return served + ", if the successor had been told all; else nobody listens until the service manager starts realdocd again", y.logs("\"message\":\"ready\"")
}

package robust

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/manual"
	"realdocd/test/stack"
)

// A fault is made while realdocd serves, and taken away if nothing else ends it.
type fault struct {
	what string
	// change is for the configuration; may be nil.
	change func(y *yard)
	// run makes the fault, and says what the visitor gets, and what the log has.
	run func(y *yard) (visitor, logged string)
}

// faults are the table in the manual, in its order.
var faults = []fault{
	{"a worker is killed before its output", nil, func(y *yard) (string, string) {
		c := y.begin("/wait.php", "QUERY_STRING", "before=30")
		y.killWorker("Running")
		return y.outcome(c), y.logs("without END_REQUEST")
	}},
	{"a worker is killed within its output", nil, func(y *yard) (string, string) {
		c := y.begin("/wait.php", "QUERY_STRING", "within=30")
		y.awaitOutput(c)
		y.killWorker("Running")
		if reply, err := c.Reply(); err == nil && reply.Ended {
			y.t.Error("the response became whole")
		}
		return "a response that is broken, visibly", y.logs("without END_REQUEST")
	}},
	{"PHP-FPM ends", nil, func(y *yard) (string, string) {
		y.must(y.fpm.Stop())
		defer y.StartAgain(y.fpm)
		return y.outcome(y.begin("/small.php")), y.logs("FPM listener is down")
	}},
	{"PHP-FPM is killed with all its workers while a script runs", nil, func(y *yard) (string, string) {
		c := y.begin("/wait.php", "QUERY_STRING", "before=30")
		time.Sleep(200 * time.Millisecond)
		y.killFPM()
		visitor := y.outcome(c)
		y.StartAgain(y.fpm)
		return visitor, y.logs("without END_REQUEST")
	}},
	{"PHP-FPM is stopped, and does not answer", func(y *yard) { y.config.Pools["www"]["read_timeout"] = "500ms" }, func(y *yard) (string, string) {
		resume := y.freezeFPM()
		visitor := y.outcome(y.begin("/small.php"))
		resume()
		return visitor, y.logs("silent for read_timeout")
	}},
	{"PHP-FPM is reloaded, without process_control_timeout, while a script runs", nil, func(y *yard) (string, string) {
		c := y.begin("/wait.php", "QUERY_STRING", "before=30")
		time.Sleep(200 * time.Millisecond)
		y.must(y.fpm.Reload())
		return y.outcome(c), y.logs("\"cause\":\"fpm_failed\"")
	}},
	{"PHP-FPM's socket is removed", nil, func(y *yard) (string, string) {
		y.must(os.Remove(string(y.fpm.Addr)))
		time.Sleep(500 * time.Millisecond) // connections that are kept still serve
		visitor := y.outcome(y.begin("/small.php"))
		y.must(y.fpm.Stop())
		y.StartAgain(y.fpm)
		return visitor, y.logs("FPM listener is down")
	}},
	{"something else listens on PHP-FPM's socket", nil, func(y *yard) (string, string) {
		y.must(y.fpm.Stop())
		os.Remove(string(y.fpm.Addr))
		ln, err := net.Listen("unix", string(y.fpm.Addr))
		y.must(err)
		y.must(os.Chmod(string(y.fpm.Addr), 0o666))
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
				conn.(*net.UnixConn).CloseWrite()
				io.Copy(io.Discard, conn) // else it depends on chance whether the answer is read
				conn.Close()
			}
		}()
		visitor := y.outcome(y.begin("/small.php"))
		ln.Close()
		y.StartAgain(y.fpm)
		return visitor, y.logs("\"cause\":\"fpm_failed\"")
	}},
	{"the disk for spooled bodies is full", func(y *yard) { y.config.Top["spool_dir"] = y.smallDisk("spool") }, func(y *yard) (string, string) {
		file := filepath.Join(y.Dir, "spool", "fill")
		y.fillDisk(file)
		visitor := y.outcome(y.post(bytes.Repeat([]byte("x"), 1<<20)))
		y.must(os.Remove(file))
		return visitor, y.logs("make room there or set spool_dir")
	}},
	{"the disk for the log is full", func(y *yard) { y.smallDisk("log") }, func(y *yard) (string, string) {
		y.config.Log["output"] = filepath.Join(y.Dir, "log", "realdocd.log")
		y.Reload(y.gw, y.config)
		file := filepath.Join(y.Dir, "log", "fill")
		y.fillDisk(file)
		visitor := y.outcome(y.begin("/small.php"))
		time.Sleep(500 * time.Millisecond)
		y.must(os.Remove(file))
		y.outcome(y.begin("/small.php"))
		return visitor, y.fileLogs(filepath.Join(y.Dir, "log", "realdocd.log"), "events are lost")
	}},
	{"nobody reads the pipe of the log", nil, func(y *yard) (string, string) {
		visitor, took := y.serveIntoAFullPipe()
		if took > 10*time.Second {
			y.t.Errorf("SIGTERM took %v", took)
		}
		return visitor, "nothing: the events are dropped and counted"
	}},
	{"the disk for the state is full while a release goes live", func(y *yard) { y.config.Top["state_dir"] = y.smallDisk("state") }, func(y *yard) (string, string) {
		y.outcome(y.begin("/small.php"))
		time.Sleep(300 * time.Millisecond)
		file := filepath.Join(y.Dir, "state", "fill")
		y.fillDisk(file)
		y.Flip(y.site, 2)
		visitor := y.outcome(y.begin("/small.php"))
		logged := y.logs("history")
		y.must(os.Remove(file))
		stack.Until(y.t, "the flip is in the history", func() bool {
			files, _ := filepath.Glob(filepath.Join(y.Dir, "state/history/shop/*.jsonl"))
			for _, file := range files {
				if text, _ := os.ReadFile(file); strings.Contains(string(text), y.site.Release(2)) {
					return true
				}
			}
			return false
		})
		return visitor, logged
	}},
	{"realdocd has used up its descriptors", nil, func(y *yard) (string, string) {
		open, err := y.gw.OpenFiles()
		y.must(err)
		limit := func(n int) {
			l := unix.Rlimit{Cur: uint64(n), Max: 20000}
			y.must(unix.Prlimit(y.gw.Pid(), unix.RLIMIT_NOFILE, &l, nil))
		}
		limit(open + 2)
		var held []net.Conn
		for range 20 {
			conn, err := y.gw.Addr.Dial()
			y.must(err)
			held = append(held, conn)
		}
		logged := y.logs("LimitNOFILE")
		limit(20000)
		visitor := y.outcome(y.begin("/small.php"))
		for _, conn := range held {
			conn.Close()
		}
		return visitor, logged
	}},
	{"the link is missing", nil, func(y *yard) (string, string) {
		return y.withoutLink(func(link string) { y.must(os.Remove(link)) })
	}},
	{"the link leads nowhere", nil, func(y *yard) (string, string) {
		return y.withoutLink(func(link string) { y.must(os.Remove(link)); y.must(os.Symlink("releases/none", link)) })
	}},
	{"the link leads to itself", nil, func(y *yard) (string, string) {
		return y.withoutLink(func(link string) { y.must(os.Remove(link)); y.must(os.Symlink("current", link)) })
	}},
	{"a file is where the link was", nil, func(y *yard) (string, string) {
		return y.withoutLink(func(link string) { y.must(os.Remove(link)); y.must(os.WriteFile(link, nil, 0o644)) })
	}},
	{"the web server leaves while a script runs", nil, func(y *yard) (string, string) {
		c := y.begin("/wait.php", "QUERY_STRING", "before=1")
		time.Sleep(100 * time.Millisecond)
		c.Close()
		return "nobody is there", y.logs("the web server closed the connection")
	}},
	{"a command is killed while it waits", nil, func(y *yard) (string, string) {
		c := y.begin("/wait.php", "QUERY_STRING", "before=2")
		time.Sleep(100 * time.Millisecond)
		y.Flip(y.site, 2)
		y.outcome(y.begin("/small.php"))
		binary, err := stack.Binary()
		y.must(err)
		for _, args := range [][]string{{"drain", "shop", "1"}, {"pause", "www"}, {"status", "--watch=100ms"}} {
			cmd := exec.Command(binary, append([]string{args[0], "--config", y.gw.Config}, args[1:]...)...)
			y.must(cmd.Start())
			time.Sleep(200 * time.Millisecond)
			cmd.Process.Kill()
			cmd.Wait()
		}
		y.Command(y.gw, 0, "resume", "www")
		return y.outcome(c), "nothing: the command has told its user nothing either"
	}},
	{"realdocd is killed while a script runs, and started again", nil, func(y *yard) (string, string) {
		c := y.begin("/wait.php", "QUERY_STRING", "before=30")
		time.Sleep(100 * time.Millisecond)
		y.must(y.gw.Signal(syscall.SIGKILL))
		visitor := y.outcome(c)
		y.StartGatewayAgain(y.gw)
		return visitor, y.logs("\"message\":\"ready\"")
	}},
	{"the successor is killed at each step of an upgrade", nil, func(y *yard) (string, string) {
		return y.killSuccessors()
	}},
	{"realdocd is killed at each step of an upgrade", nil, func(y *yard) (string, string) {
		return y.killPredecessors()
	}},
}

func TestFaultsPassAndRealdocdGoesOnByItself(t *testing.T) {
	var rows []manual.Item
	for _, f := range slices.Concat(faults, machineFaults) {
		t.Run(f.what, func(t *testing.T) {
			y := openYard(t, stack.FPMConfig{MaxChildren: 2, Status: true}, func(y *yard) {
				y.config.Pools["www"]["max_conns"] = 2
				if f.change != nil {
					f.change(y)
				}
			})
			if got := y.outcome(y.begin("/small.php")); got != served {
				t.Fatalf("before the fault a visitor gets %s", got)
			}
			visitor, logged := f.run(y)
			began := time.Now()
			stack.Until(t, "both places serve again", func() bool {
				return y.outcome(y.begin("/small.php")) == served && y.outcome(y.begin("/wait.php")) == served
			})
			took := time.Since(began)
			t.Logf("visitor: %s; log: %s; recovered in %v", visitor, logged, took)
			stack.Until(t, "all places are free", func() bool {
				n, err := y.gw.Metric("realdocd_pool_running", "pool", "www")
				return err == nil && n == 0
			})
			rows = append(rows, manual.Item{Name: f.what, Says: []string{"visitor: " + visitor, "log: " + logged, "recovered in " + upTo(took)}})
		})
	}
	compare(t, "faults", rows, len(faults)+len(machineFaults))
}

// upTo is a duration as the table has it.
func upTo(d time.Duration) string {
	for _, most := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		if d <= most {
			return fmt.Sprintf("%d ms", most.Milliseconds())
		}
	}
	return fmt.Sprintf("%d s", int(d.Seconds())+1)
}

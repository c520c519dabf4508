package robust

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"realdocd/test/stack"
)

// machineFaults are those of the machine, of disks, and of what stands around realdocd.
var machineFaults = []fault{
	{"the memory of realdocd's cgroup is used up", func(y *yard) {
		y.config.Group = y.MemoryGroup(96 << 20)
		y.config.Top["header_timeout"] = "3s"
	}, func(y *yard) (string, string) {
		pid := y.gw.Pid()
		for range 200 { // 100 MB of params that do not end
			c, err := stack.Connect(y.gw.Addr)
			y.must(err)
			y.t.Cleanup(func() { c.Close() })
			y.must(c.Begin(true))
			for range 8 {
				stack.Record{Type: stack.ParamsType, ID: 1, Content: stack.Pairs("HTTP_X", strings.Repeat("x", 60_000))}.WriteTo(c)
			}
		}
		visitor := y.outcome(y.begin("/small.php")) + ", and with a header of 60 kB " + y.outcome(y.begin("/small.php", "HTTP_X", strings.Repeat("x", 60_000)))
		logged := y.logs("\"cause\":\"memory\"")
		if y.gw.Pid() != pid || syscall.Kill(pid, 0) != nil {
			y.t.Error("realdocd was killed")
		}
		return visitor, logged
	}},
	{"the clock steps by an hour, forwards and back", nil, func(y *yard) (string, string) {
		return y.stepClock()
	}},
	{"PHP-FPM is replaced by another version (by one that says it is 8.1.29)", nil, func(y *yard) (string, string) {
		y.must(y.fpm.Stop())
		old := y.olderFPM("8.1.29")
		visitor := y.outcome(y.begin("/small.php"))
		y.outcome(y.begin("/small.php"))
		logged := y.logs("connections to FPM are not kept")
		old.Close()
		y.StartAgain(y.fpm)
		y.outcome(y.begin("/small.php"))
		y.logs("connections to FPM are kept")
		return visitor, logged
	}},
	{"the link may not be read", func(y *yard) { y.config.Barred = true; y.linkIn(filepath.Join(y.Dir, "links")) }, func(y *yard) (string, string) {
		dir := filepath.Dir(filepath.Dir(y.docroot))
		y.must(errors.Join(os.Chown(dir, 65534, 65534), os.Chmod(dir, 0o700)))
		time.Sleep(100 * time.Millisecond)
		visitor := y.outcome(y.begin("/small.php"))
		logged := y.logs("link cannot be resolved")
		y.must(os.Chmod(dir, 0o755))
		return visitor, logged
	}},
	{"the link is on a file system that hangs (FUSE)", func(y *yard) {
		y.disk = y.SlowDisk()
		y.linkIn(y.disk.Dir)
	}, func(y *yard) (string, string) {
		y.must(y.disk.Hang())
		y.t.Cleanup(func() { y.disk.Recover() })
		visitor := y.outcome(y.begin("/small.php"))
		logged := y.logs("link cannot be resolved")
		y.Command(y.gw, 0, "pause", "www") // operators are answered
		y.Command(y.gw, 0, "resume", "www")
		y.must(y.disk.Recover())
		return visitor, logged
	}},
	{"the web server is killed at each step of an upgrade", nil, func(y *yard) (string, string) { return y.killWebServers() }},
}

// olderFPM listens where PHP-FPM did, and says that it is another version. It is no
// PHP-FPM: none of that version can be had everywhere.
func (y *yard) olderFPM(version string) *stack.FakeFPM {
	y.t.Helper()
	os.Remove(string(y.fpm.Addr))
	old := stack.ListenFPM(y.t, y.fpm.Addr)
	go func() {
		for q := range old.Requests {
			body := "the page"
			if script, _ := q.Value("SCRIPT_FILENAME"); !strings.HasPrefix(script, y.site.Dir) {
				body = fmt.Sprintf(`{"version":%q,"workers":2}`, version)
			}
			go q.Answer("Content-Type: text/plain\r\n\r\n" + body)
		}
	}()
	return old
}

// stepClock has realdocd's clock step while it waits for web servers, and a deploy comes.
func (y *yard) stepClock() (visitor, logged string) {
	y.t.Helper()
	clock, mark := y.Clock(y.gw.Process), y.gw.Log.Mark()
	for i, by := range []time.Duration{time.Hour, 0, -time.Hour} {
		head, body := y.connect(), y.connect()
		y.must(head.Begin(true))
		y.must(body.Begin(true))
		y.must(body.Params(y.params("/wait.php", "REQUEST_METHOD", "POST", "CONTENT_LENGTH", "4")...))
		y.must(body.Stdin([]byte("ab")))
		runs := y.begin("/wait.php", "QUERY_STRING", "before=1.5")
		y.must(y.gw.WaitMetric(1, "realdocd_pool_running", "pool", "www")) // what came before has been read then
		y.must(clock.Step(by))
		y.Flip(y.site, 1+(i+1)%2)
		time.Sleep(1200 * time.Millisecond) // realdocd looks once a second who has waited for too long
		y.must(head.Params(y.params("/small.php")...))
		y.must(head.Stdin(nil))
		y.must(body.Stdin([]byte("cd")))
		y.must(body.Stdin(nil))
		for _, c := range []*stack.Client{head, body, runs} {
			if visitor = y.outcome(c); visitor != served {
				y.t.Errorf("the clock has stepped to %v: a visitor gets %s", by, visitor)
			}
		}
	}
	event := stack.ParseEvent(y.Wait(y.gw.Process, mark, stack.Containing("release is live")))
	if at, err := time.Parse(time.RFC3339, event.String("time")); err != nil || time.Since(at) > -50*time.Minute {
		y.t.Errorf("the clock of realdocd has not stepped: %v", event)
	}
	y.Command(y.gw, 0, "rollback", "shop")
	if live, err := os.Readlink(y.site.Link()); err != nil || filepath.Base(live) != "1" {
		y.t.Errorf("a rollback from release 2 goes to %s, %v", live, err)
	}
	return visitor, "nothing: what waits is timed by a clock that does not step"
}

func (y *yard) connect() *stack.Client {
	y.t.Helper()
	return y.In(y.t).Connect(y.gw.Addr)
}

// linkIn has the site's link in a directory of its own.
func (y *yard) linkIn(dir string) {
	y.t.Helper()
	y.must(os.MkdirAll(dir, 0o755))
	y.must(os.Symlink(y.site.Release(1), dir+"/current"))
	y.docroot = dir + "/current/public"
	y.config.Sites["shop"]["docroot"] = y.docroot
}

// killWebServers kills nginx in the middle of upgrades, with requests on their way.
func (y *yard) killWebServers() (visitor, logged string) {
	y.t.Helper()
	for _, wait := range upgradeSteps {
		web := y.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: y.docroot, Backend: y.gw.Addr, KeepAlive: 4}}})
		ctx, stop := context.WithCancel(context.Background())
		traffic := stack.Load{URLs: []string{web.URL(0, "/wait.php")}, Clients: 4}.Start(ctx)
		y.Stack.More(traffic, 8)
		time.AfterFunc(wait*time.Millisecond, web.Kill)
		before := y.Upgrade(y.gw)
		stack.Receive(y.t, web.Done(), "the end of nginx")
		stack.Receive(y.t, before.Done(), "the end of the process before")
		stop()
		traffic.Wait()
		stack.Until(y.t, "nginx's connections are gone", func() bool {
			n, err := y.gw.Sum("realdocd_web_connections")
			return err == nil && n == 0
		})
	}
	return "a connection that breaks, to the web server", y.logs("handed over")
}

package fpm

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

func TestAConnectionHoldsItsWorkerUntilOurSideCloses(t *testing.T) {
	for name, keep := range map[string]bool{"kept": true, "not kept": false} {
		t.Run(name, func(t *testing.T) {
			p := open(t, stack.FPMConfig{MaxChildren: 1})
			first, second := p.connect(), p.connect()
			p.send(first, keep, "pid.php")
			pid := p.answer(first)
			if !keep {
				p.closed(first) // FPM has closed its half, and waits for ours
			}
			p.send(second, keep, "pid.php")
			p.silent(second)
			first.Close()
			if got := p.answer(second); got != pid {
				t.Errorf("answered by %s, not by the only worker %s", got, pid)
			}
		})
	}
}

func TestAKeptConnectionIsServedByOneWorker(t *testing.T) {
	p := open(t, stack.FPMConfig{})
	c := p.connect()
	pid := p.ask(c, "pid.php")
	for range 20 {
		if got := p.ask(c, "pid.php"); got != pid {
			t.Fatalf("answered by %s and by %s", pid, got)
		}
	}
}

// FPM closes its half only: a connection that ends after END_REQUEST must be closed at once, or the pool
// is a worker short.
func TestAfterMaxRequestsTheConnectionEndsAndTheWorkerWaitsForOurSide(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1, Pool: []string{"pm.max_requests = 3"}})
	c := p.connect()
	pid := p.ask(c, "pid.php")
	for range 2 {
		if got := p.ask(c, "pid.php"); got != pid {
			t.Errorf("answered by %s and by %s", pid, got)
		}
	}
	p.closed(c)
	next := p.connect()
	p.send(next, true, "pid.php")
	p.silent(next)
	c.Close()
	if got := p.answer(next); got == pid {
		t.Errorf("worker %s has answered four requests", pid)
	}
}

// So that all was read does not say that the worker waits for a request: it throws away what it reads. That
// it has closed its half, which is to be looked for before each request, does.
func TestAfterMaxRequestsTheWorkerReadsAndThrowsAwayWhatComes(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1, Pool: []string{"pm.max_requests = 1"}})
	c := p.connect()
	p.ask(c, "pid.php")
	p.closed(c)
	p.send(c, true, "pid.php")
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	p.must(err)
	stack.Until(t, "the worker has read the request", func() bool {
		unread := -1
		p.must(raw.Control(func(fd uintptr) { unread, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }))
		return err == nil && unread == 0
	})
	p.closed(c) // without an answer
}

func TestAReloadCutsRunningRequestsAndClosesIdleConnections(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 2})
	idle, running := p.connect(), p.connect()
	p.ask(idle, "pid.php")
	p.send(running, true, "wait.php")
	if _, err := running.Read(make([]byte, 8)); err != nil { // a record's head: the script runs
		t.Fatal(err)
	}
	p.must(p.fpm.Reload())
	p.closed(idle)
	for buf := make([]byte, 1<<16); ; {
		n, err := running.Read(buf)
		if err == nil {
			if n < 5000 {
				t.Errorf("after the reload %q came", buf[:n])
			}
			continue
		}
		if timeout, is := err.(interface{ Timeout() bool }); is && timeout.Timeout() {
			t.Fatalf("the running request was not cut: %v", err)
		}
		break
	}
	if p.has("ended") {
		t.Error("the script has run to its end")
	}
	p.ask(p.connect(), "pid.php")
}

func TestAFullBacklogIsEAGAINOnAUnixSocket(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1, Pool: []string{"listen.backlog = 2"}})
	holds := p.connect()
	p.ask(holds, "pid.php")
	for waiting := range 10 {
		conn, err := p.fpm.Addr.Dial()
		if errors.Is(err, syscall.EAGAIN) {
			if waiting < 2 {
				t.Errorf("%d connections fill a backlog of two", waiting)
			}
			return
		}
		p.must(err)
		defer conn.Close()
	}
	t.Error("ten connections wait in a backlog of two")
}

func TestARequestWhoseClientLeftTheBacklogStillRuns(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1})
	holds, leaves := p.connect(), p.connect()
	p.ask(holds, "pid.php")
	p.send(leaves, false, "mark.php")
	leaves.Close()
	time.Sleep(pause) // what must not happen has no event
	if p.has("ran") {
		t.Fatal("it ran beside the only worker")
	}
	holds.Close()
	stack.Until(p.t, "the request of the client that has left runs", func() bool { return p.has("ran") })
}

func TestAPHPValueSticksToTheWorker(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1})
	p.write("ini.php", `<?php echo get_include_path(), ' ', ini_get('memory_limit');`)
	c := p.connect()
	before := p.ask(c, "ini.php")
	for _, row := range []struct{ name, value, want string }{
		{"PHP_VALUE", "include_path=\"/a\"\nmemory_limit=\"200M\"", "/a 200M"},
		{"PHP_ADMIN_VALUE", `include_path="/admin"`, "/admin 200M"},
		{"PHP_VALUE", `include_path="/b"`, "/b 200M"}, // a PHP_ADMIN_VALUE does not protect
	} {
		if got := p.ask(c, "ini.php", row.name, row.value); got != row.want || got == before {
			t.Errorf("with %s %q: %s, want %s", row.name, row.value, got, row.want)
		}
		if got := p.ask(c, "ini.php"); got != row.want {
			t.Errorf("after %s %q: %s, want %s", row.name, row.value, got, row.want)
		}
	}
	c.Close()
	if got := p.ask(p.connect(), "ini.php"); got != "/b 200M" {
		t.Errorf("on the next connection: %s", got)
	}
}

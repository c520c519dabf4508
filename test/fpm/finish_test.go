package fpm

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

func TestAFinishedRequestEndsBeforeItsScript(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1})
	c := p.connect()
	pid := p.ask(c, "finish.php")
	if p.has("ended") {
		t.Fatal("the script ended before its request")
	}
	p.send(c, true, "pid.php")
	p.silent(c)
	p.write("go", "")
	if got := p.answer(c); got != pid {
		t.Errorf("the next request was answered by %s, not by %s", got, pid)
	}
	if !p.has("ended") {
		t.Error("the next request was answered before the script of the first one ended")
	}
}

func TestWithoutKeepAFinishedRequestsScriptWaitsForOurSideToClose(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1})
	p.write("go", "")
	c := p.connect()
	p.send(c, false, "finish.php")
	p.answer(c)
	p.closed(c)
	time.Sleep(pause) // what must not happen has no event
	if p.has("ended") {
		t.Error("the script goes on before our side has closed")
	}
	c.Close()
	stack.Until(p.t, "the script ends", func() bool { return p.has("ended") })
}

// unread is how much memory takes what FPM has not read: on a unix socket 0 once it has read all.
func unread(p *pool, c *stack.Client) int {
	p.t.Helper()
	raw, err := c.Conn.(*net.UnixConn).SyscallConn()
	p.must(err)
	n := 0
	p.must(raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }))
	p.must(err)
	return n
}

// A worker that waits for a request reads an empty STDIN and skips it; one that runs a script does not
// read it, nor the one that ends its own request. That tells which of the two a kept connection has.
func TestAnEmptyStdinIsReadWhenTheWorkerIsReady(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1})
	c := p.connect()
	p.ask(c, "finish.php")
	p.must(c.Stdin(nil))
	// What must not happen has no event: it is looked for all the time.
	for watched := time.Now(); time.Since(watched) < pause; time.Sleep(time.Millisecond) {
		if unread(p, c) == 0 {
			t.Fatal("it was read while the script ran")
		}
	}
	p.write("go", "")
	stack.Until(p.t, "the empty STDIN is read", func() bool { return unread(p, c) == 0 })
	if !p.has("ended") {
		t.Error("it was read before the script ended")
	}
	p.ask(c, "pid.php")
}

func TestEmptyStdinsBetweenRequestsAreSkipped(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1})
	c := p.connect()
	pid := p.ask(c, "pid.php")
	for range 3 {
		for range 5 {
			p.must(c.Stdin(nil))
		}
		stack.Until(p.t, "they are read", func() bool { return unread(p, c) == 0 })
		if got := p.ask(c, "pid.php"); got != pid {
			t.Errorf("answered by %s, not by %s", got, pid)
		}
	}
	p.must(c.Stdin(nil))
	p.silent(c)
}

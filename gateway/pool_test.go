package gateway

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway/sock"
)

func TestASilentFPMIsA504(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].ReadTimeout = 50 * time.Millisecond
	b.start()
	c, q := b.running(b.params()...)
	b.wantRefused(c, 504)
	q.Gone()
	b.logged("silent for read_timeout (50ms)")
	b.served(c, "", b.params()...)
}

func TestAnFPMThatTalksIsNotSilent(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].ReadTimeout = 500 * time.Millisecond
	b.start()
	c, q := b.running(b.params()...)
	tick := time.NewTicker(b.cfg.Pools[0].ReadTimeout / 5)
	defer tick.Stop()
	for range 8 {
		<-tick.C
		b.must(q.Stderr("still here"))
	}
	q.Answer(page)
	if reply := b.reply(c); !reply.Ended || reply.Status != 200 {
		t.Errorf("got status %d, complete %v", reply.Status, reply.Ended)
	}
}

func TestARequestThatTakesTooLongIsA504(t *testing.T) {
	for name, talks := range map[string]bool{"in silence": false, "talking on stderr": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.cfg.Pools[0].RequestTimeout = 200 * time.Millisecond
			b.cfg.Pools[0].ReadTimeout = 100 * time.Second
			b.start()
			c, q := b.running(b.params()...)
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for talks && q.Stderr("still here") == nil { // until the gateway closes
				<-tick.C
			}
			b.wantRefused(c, 504)
			q.Gone()
			b.logged("longer than request_timeout (200ms)")
		})
	}
}

func TestAResponseThatStopsInTheMiddleIsBrokenOff(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].ReadTimeout = 50 * time.Millisecond
	b.start()
	c, q := b.running(b.params()...)
	b.must(q.Stdout(page))
	if reply, err := c.Reply(); err == nil && reply.Ended {
		t.Errorf("half a response became whole: %d %q", reply.Status, reply.Body)
	}
	if event := b.logged("silent for read_timeout"); event.String("status") != "200" {
		t.Errorf("the log has %v", event)
	}
}

func TestAnFPMThatRefusesIsA502(t *testing.T) {
	b := newBench(t).start()
	b.fpm.Refuse()
	c := b.connect()
	b.send(c, "", b.params()...)
	b.wantRefused(c, 502)
	b.logged(b.dir + "/fpm: connect: connection refused")
}

func TestARequestGoesToTheNextServerWhenOneRefuses(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].Servers = []sock.Addr{sock.Addr(b.dir + "/none"), sock.Addr(b.dir + "/fpm")}
	b.start()
	c := b.connect()
	for range 4 {
		b.served(c, "", b.params()...)
	}
}

// fullBacklog listens on a unix socket and connects until the kernel takes no more connections.
func fullBacklog(b *bench, path string) (listener int) {
	b.t.Helper()
	open := func() int {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		b.must(err)
		b.t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	listener = open()
	b.must(unix.Bind(listener, &unix.SockaddrUnix{Name: path}))
	b.must(unix.Listen(listener, 1))
	for range 10 {
		err := unix.Connect(open(), &unix.SockaddrUnix{Name: path})
		if errors.Is(err, unix.EAGAIN) {
			return listener
		}
		b.must(err)
	}
	b.t.Fatal("the backlog does not fill")
	return 0
}

func TestAFullBacklogIsA503AfterConnectTimeout(t *testing.T) {
	b := newBench(t)
	fullBacklog(b, b.dir+"/full")
	timeout := 100 * time.Millisecond
	b.cfg.Pools[0].Servers, b.cfg.Pools[0].ConnectTimeout = []sock.Addr{sock.Addr(b.dir + "/full")}, timeout
	b.start()
	c := b.connect()
	began := time.Now()
	b.send(c, "", b.params()...)
	reply := b.wantRefused(c, 503)
	if took := time.Since(began); took < timeout/3 || reply.Header.Get("Retry-After") == "" {
		t.Errorf("after %v, Retry-After %q", took, reply.Header.Get("Retry-After"))
	}
	b.logged("the backlog of FPM is full")
}

func TestARequestWaitsForRoomInTheBacklog(t *testing.T) {
	b := newBench(t)
	listener := fullBacklog(b, b.dir+"/full")
	b.cfg.Pools[0].Servers, b.cfg.Pools[0].ConnectTimeout = []sock.Addr{sock.Addr(b.dir + "/full")}, patience
	b.start()
	c := b.connect()
	b.send(c, "", b.params()...)
	accept := func() int {
		fd, _, err := unix.Accept(listener)
		b.must(err)
		return fd
	}
	unix.Close(accept())
	unix.Close(accept())
	b.must(unix.SetNonblock(listener, false))
	conn := adopt(b, accept())
	go b.fpm.Take(conn)
	b.fpm.Next().Answer(page)
	if reply := b.reply(c); reply.Status != 200 || !reply.Ended {
		t.Errorf("got status %d, complete %v", reply.Status, reply.Ended)
	}
}

package gateway

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// shortTimeout is one that a test waits for. It is long enough for wantTimeout to tell it from its double.
const shortTimeout = 400 * time.Millisecond

// wantTimeout fails the test unless shortTimeout has passed since began, and not twice as much.
func (b *bench) wantTimeout(began time.Time) {
	b.t.Helper()
	if took := time.Since(began); took < shortTimeout || took > 2*shortTimeout {
		b.t.Errorf("it took %v, want %v", took, shortTimeout)
	}
}

func TestASilentFPMIsA504(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].ReadTimeout = shortTimeout
	b.start()
	began := time.Now()
	c, q := b.running(b.params()...)
	b.wantRefused(c, 504)
	b.wantTimeout(began)
	q.Gone()
	b.logged("silent for read_timeout (400ms)")
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
			b.cfg.Pools[0].RequestTimeout = shortTimeout
			b.cfg.Pools[0].ReadTimeout = 100 * time.Second
			b.start()
			began := time.Now()
			c, q := b.running(b.params()...)
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for talks && q.Stderr("still here") == nil { // until the gateway closes
				<-tick.C
			}
			b.wantRefused(c, 504)
			b.wantTimeout(began)
			q.Gone()
			b.logged("longer than request_timeout (400ms)")
		})
	}
}

func TestAResponseThatStopsInTheMiddleIsBrokenOff(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].ReadTimeout = 50 * time.Millisecond
	b.start()
	c, q := b.running(b.params()...)
	b.must(q.Stdout(page))
	if reply, err := c.Reply(); reply.Ended || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("half a response was not broken off: complete %v, %d %q, %v", reply.Ended, reply.Status, reply.Body, err)
	}
	if event := b.logged("silent for read_timeout"); event.String("status") != "200" {
		t.Errorf("the log has %v", event)
	}
}

// downs are the ways in which an FPM listener is down, and what the kernel says of a connect.
var downs = []struct {
	name  string
	leave func(*stack.FakeFPM)
	says  string
}{
	{"its socket refuses", (*stack.FakeFPM).Refuse, "connect: connection refused"},
	{"its socket is missing", (*stack.FakeFPM).Close, "connect: no such file or directory"},
}

func TestAnFPMThatIsDownIsA502(t *testing.T) {
	for _, down := range downs {
		t.Run(down.name, func(t *testing.T) {
			b := newBench(t).start()
			down.leave(b.fpm)
			c := b.connect()
			b.send(c, "", b.params()...)
			b.wantRefused(c, 502)
			b.logged(b.dir + "/fpm: " + down.says)
		})
	}
}

func TestARequestGoesToTheNextServerIfOneIsDown(t *testing.T) {
	for _, down := range downs {
		t.Run(down.name, func(t *testing.T) {
			b := newBench(t)
			first := b.dir + "/first"
			down.leave(stack.ListenFPM(t, stack.Addr(first)))
			b.cfg.Pools[0].Servers = []sock.Addr{sock.Addr(first), sock.Addr(b.dir + "/fpm")}
			b.start()
			c := b.connect()
			for range 4 {
				b.served(c, "", b.params()...)
			}
			if event := b.logged("FPM listener is down"); event.String("server") != first || !strings.Contains(event.String("error"), down.says) {
				t.Errorf("the log has %v, want %s", event, down.says)
			}
		})
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
	const lastTry = 50 * time.Millisecond // a try that would come after the timeout is not waited for
	b.cfg.Pools[0].Servers, b.cfg.Pools[0].ConnectTimeout = []sock.Addr{sock.Addr(b.dir + "/full")}, shortTimeout+lastTry
	b.start()
	c := b.connect()
	began := time.Now()
	b.send(c, "", b.params()...)
	reply := b.wantRefused(c, 503)
	b.wantTimeout(began)
	if reply.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
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

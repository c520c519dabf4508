package gateway

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// adopt makes a connection of a descriptor.
func adopt(b *bench, fd int) net.Conn {
	b.t.Helper()
	file := os.NewFile(uintptr(fd), "accepted")
	defer file.Close()
	conn, err := net.FileConn(file)
	b.must(err)
	return conn
}

// shutDown begins a Shutdown and returns when nobody listens any more; cut has what it returns.
func shutDown(b *bench, ctx context.Context) (cut chan []CutOff) {
	b.t.Helper()
	cut = make(chan []CutOff, 1)
	go func() { cut <- b.server.Shutdown(ctx) }()
	stack.Until(b.t, "nobody listens after Shutdown", func() bool {
		conn, err := b.addr.Dial() // refused is the event
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	return cut
}

func wantCut(b *bench, cut chan []CutOff, want ...CutOff) {
	b.t.Helper()
	if got := stack.Receive(b.t, cut, "the end of Shutdown"); !slices.Equal(got, want) {
		b.t.Errorf("Shutdown returned %+v, want %+v", got, want)
	}
}

func TestShutdownLetsARunningRequestEnd(t *testing.T) {
	b := newBench(t).start()
	c, q := b.running(b.params()...)
	cut := shutDown(b, t.Context())
	q.Answer(page)
	if reply := b.reply(c); !reply.Ended || string(reply.Body) != "the page" {
		t.Errorf("complete %v, body %q", reply.Ended, reply.Body)
	}
	wantCut(b, cut)
}

// A web server has connected, and sent its request, as soon as the kernel has taken both.
func TestShutdownServesWhoHasConnectedAndWasNotAccepted(t *testing.T) {
	for range 10 {
		b := newBench(t).start()
		b.server.pauseAccepting()
		const most = 8
		for range most {
			b.send(b.connect(), "", b.params()...)
		}
		for _, ln := range b.server.sockets.Load().listeners {
			ln.Listener.(deadliner).SetDeadline(time.Time{})
			b.server.startAccepting(ln)
		}
		cut := shutDown(b, t.Context())
		for range most {
			b.fpm.Next().Answer(page)
		}
		wantCut(b, cut)
	}
}

func TestShutdownDoesNotWaitForIdleConnections(t *testing.T) {
	b := newBench(t).start()
	silent, used := b.connect(), b.connect()
	b.served(used, "", b.params()...)
	b.served(silent, "", b.params()...)
	wantCut(b, shutDown(b, t.Context()))
	if _, err := silent.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("an idle connection ends with %v", err)
	}
}

func TestShutdownCutsOffWhatDoesNotEndAndNamesIt(t *testing.T) {
	b := newBench(t).start()
	whole, waits := b.running(b.params("REQUEST_ID", "whole")...)
	half, begun := b.running(b.params("REQUEST_METHOD", "POST", "REQUEST_URI", "/pay?id=1", "REQUEST_ID", "half")...)
	b.must(begun.Stdout(page))
	if _, err := io.ReadFull(half, make([]byte, fcgi.HeaderLen)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cut := shutDown(b, ctx)
	cancel()
	b.wantRefused(whole, 503)
	waits.Gone()
	begun.Gone()
	got := stack.Receive(t, cut, "the end of Shutdown")
	slices.SortFunc(got, func(a, b CutOff) int { return strings.Compare(a.Request, b.Request) })
	if !slices.Equal(got, []CutOff{{"GET /index.php", "whole"}, {"POST /pay?id=1", "half"}}) {
		t.Errorf("Shutdown returned %+v", got)
	}
	b.logged("did not end within shutdown_timeout")
}

func TestOnlyAllowedClientsAreServedOverTCP(t *testing.T) {
	for _, row := range []struct {
		networks []string
		served   bool
	}{
		{[]string{"127.0.0.1/32"}, true},
		{[]string{"10.0.0.0/8", "127.0.0.0/8"}, true},
		{[]string{"0.0.0.0/0"}, true},
		{[]string{"10.0.0.0/8"}, false},
		{[]string{"::/0"}, false},
	} {
		b := newBench(t)
		b.cfg.Listen = []sock.Addr{"127.0.0.1:0"}
		for _, network := range row.networks {
			b.cfg.AllowedClients = append(b.cfg.AllowedClients, netip.MustParsePrefix(network))
		}
		b.start()
		c := b.connect()
		if row.served {
			b.served(c, "", b.params()...)
			continue
		}
		if n, err := c.Read(make([]byte, 1)); n > 0 || err != io.EOF {
			t.Errorf("with %q allowed, 127.0.0.1 read %d bytes, %v", row.networks, n, err)
		}
		b.logged("not in allowed_clients")
	}
}

func TestASocketThatNobodyListensOnIsReplaced(t *testing.T) {
	b := newBench(t)
	path := string(b.cfg.Listen[0])
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	b.must(err)
	left.SetUnlinkOnClose(false)
	second := New(b.cfg, zerolog.Nop())
	if err := second.Listen(); err == nil {
		t.Error("a socket in use was taken over")
	}
	b.must(left.Close())
	b.start()
	b.served(b.connect(), "", b.params()...)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != b.cfg.ListenMode {
		t.Errorf("the socket has mode %v, %v", info.Mode(), err)
	}
}

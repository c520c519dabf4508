package gateway

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"realdocd/test/stack"
)

// stallLimit is short, and long enough that nothing else takes as long.
const stallLimit = 300 * time.Millisecond

// wantClosed reads the end of the connection.
func (b *bench) wantClosed(c *stack.Client) {
	b.t.Helper()
	if n, err := c.Conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		b.t.Errorf("the connection gives %d bytes, %v, and should be closed", n, err)
	}
}

func TestAWebServerThatStallsWithinARequestGets408(t *testing.T) {
	begin := func(b *bench, c *stack.Client) { b.must(c.Begin(true)) }
	half := func(size int) func(*bench, *stack.Client) {
		return func(b *bench, c *stack.Client) {
			begin(b, c)
			b.must(c.Params(b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "400000")...))
			if size > 0 {
				b.must(c.Stdin(make([]byte, size)))
			}
		}
	}
	for _, row := range []struct {
		name   string
		sends  func(*bench, *stack.Client)
		buffer bool
		cause  string
	}{
		{"after BEGIN_REQUEST", begin, true, "header_timeout"},
		{"within a record of params", func(b *bench, c *stack.Client) {
			begin(b, c)
			_, err := c.Conn.Write([]byte{1, stack.ParamsType, 0, 1, 0, 100, 0, 0, 5, 5})
			b.must(err)
		}, true, "header_timeout"},
		{"before the body", half(0), true, "body_timeout"},
		{"after half of the body", half(200_000), true, "body_timeout"},
		{"after 99 % of the body", half(396_000), true, "body_timeout"},
		{"before a body that is streamed", half(0), false, "body_timeout"},
		{"after half of a body that is streamed", half(200_000), false, "body_timeout"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			b.cfg.HeaderTimeout, b.cfg.BodyTimeout, b.cfg.Sites[0].RequestBuffering = stallLimit, stallLimit, row.buffer
			b.fpm.Early()
			b.start()
			c := b.connect()
			began := time.Now()
			row.sends(b, c)
			reply := b.reply(c)
			if took := time.Since(began); reply.Status != 408 || !reply.Ended || took < stallLimit || took > 4*stallLimit {
				t.Errorf("status %d, complete %v, after %v", reply.Status, reply.Ended, took)
			}
			b.wantClosed(c)
			if event := b.logged(row.cause + " (300ms)"); event.String("cause") != row.cause {
				t.Errorf("the log has %v", event)
			}
		})
	}
}

func TestAConnectionIsClosedThatStallsOutsideARequest(t *testing.T) {
	for _, row := range []struct {
		name string
		with func(*Config)
		part []byte
	}{
		{"idle", func(c *Config) { c.IdleTimeout = stallLimit }, nil},
		{"within its first record", func(c *Config) { c.HeaderTimeout = stallLimit }, []byte{1, stack.BeginRequest, 0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			row.with(&b.cfg)
			b.start()
			c := b.connect()
			b.served(c, "", b.params()...)
			running, q := b.running(b.params()...)
			began := time.Now()
			_, err := c.Conn.Write(row.part)
			b.must(err)
			b.wantClosed(c)
			if took := time.Since(began); took < stallLimit/2 {
				t.Errorf("it was closed after %v", took)
			}
			q.Answer(page) // of a request that takes longer
			b.wantPage(running)
		})
	}
}

func TestABodyThatComesSlowlyIsNotSilent(t *testing.T) {
	b := newBench(t)
	b.cfg.BodyTimeout = stallLimit
	b.start()
	c := b.connect()
	b.must(c.Begin(true))
	b.must(c.Params(b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "8")...))
	for range 8 {
		time.Sleep(stallLimit / 4) // slow is what the test is about
		b.must(c.Stdin([]byte{'x'}))
	}
	b.must(c.Stdin(nil))
	b.fpm.Next().Answer(page)
	b.wantPage(c)
	b.served(c, "", b.params()...)
}

// Who waits for requests to end does not wait for a web server that is silent.
func TestAStalledUploadIsCutSoonerWhileSomebodyWaits(t *testing.T) {
	for what, wait := range map[string]func(*bench){
		"a drain": func(b *bench) {
			b.flip("2")
			if left, err := b.drainShop(context.Background(), "1"); err != nil {
				b.t.Errorf("the drain failed: %+v, %v", left, err)
			}
		},
		"a stop": func(b *bench) {
			if cut := <-shutDown(b, context.Background()); len(cut) > 0 {
				b.t.Errorf("cut off %v", cut)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			b.cfg.BodyTimeout, b.cfg.Sites[0].RequestBuffering = time.Hour, false
			b.start()
			c := b.connect()
			b.must(c.Begin(true))
			b.must(c.Params(b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "100")...))
			b.must(c.Stdin(make([]byte, 50)))
			stack.Until(t, "it is inside", func() bool { return len(b.shop()[0].Inside) > 0 })
			began := time.Now()
			wait(b)
			if took := time.Since(began); took > 2*hurriedStall+lingerFor {
				t.Errorf("it took %v", took)
			}
			if reply := b.reply(c); reply.Status != 408 {
				t.Errorf("status %d", reply.Status)
			}
		})
	}
}

// A wait that was to be ended, and has ended by itself just then, is undone. That must not undo the end of
// another one: of the reads of a connection that ends, whose web server still has a part of a body to send.
func TestAWaitThatIsUndoneHoldsNoConnectionThatEnds(t *testing.T) {
	b := newBench(t)
	b.cfg.BodyTimeout = stallLimit
	b.start()
	c := b.connect()
	b.must(c.Begin(true))
	b.must(c.Params(b.params("CONTENT_LENGTH", "100")...))
	b.must(c.Stdin(make([]byte, 50)))
	b.wantRefused(c, 408)
	stack.Until(t, "the connection is ended", func() bool {
		b.server.mu.Lock()
		defer b.server.mu.Unlock()
		for conn := range b.server.conns {
			if !conn.busy.Load() { // its request has been answered
				conn.stay()
			}
		}
		return len(b.server.conns) == 0
	})
}

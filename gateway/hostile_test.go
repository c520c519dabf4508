package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// kibibyte is a part of what does not end.
var kibibyte = bytes.Repeat([]byte("x"), 1<<10)

// pour sends parts until the other side takes no more, and returns how many bytes it took.
func pour(c *stack.Client, most int, part func() error) (taken int) {
	for taken < most && part() == nil {
		taken += len(kibibyte)
	}
	return taken
}

// heap is what is in use after the collector has run; pools of buffers are emptied by the second run.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// awaitMemory returns when all unfinished requests hold so much memory.
func (b *bench) awaitMemory(what string, is func(used int64) bool) {
	b.t.Helper()
	stack.Until(b.t, what, func() bool { return is(b.server.memory.used.Load()) })
}

// 262,144 empty pairs are 512 KiB, and were 12 MiB of descriptions, which stayed.
func TestEmptyPairsAreRefusedAndTheirMemoryIsGivenBack(t *testing.T) {
	b := newBench(t)
	b.cfg.AccessLog = LogNone
	b.start()
	before := heap()
	empty := string(make([]byte, fcgi.MaxParams))
	for range 20 {
		c := b.connect()
		b.must(c.Begin(false))
		var out bytes.Buffer
		for rest := empty; rest != ""; rest = rest[min(len(rest), 0xfff8):] {
			stack.Record{Type: stack.ParamsType, ID: 1, Content: []byte(rest[:min(len(rest), 0xfff8)])}.WriteTo(&out)
		}
		stack.Record{Type: stack.ParamsType, ID: 1}.WriteTo(&out)
		stack.Record{Type: stack.StdinType, ID: 1}.WriteTo(&out)
		out.WriteTo(c)
		b.wantRefused(c, 431)
		c.Close()
	}
	b.awaitMemory("all memory is given back", func(used int64) bool { return used == 0 })
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap has grown from %d KiB to %d KiB", before>>10, after>>10)
	}
	if got := b.metric("realdocd_refusals_total", "cause", "params_too_long"); got != 20 {
		t.Errorf("%v requests are counted", got)
	}
}

// What follows a refusal is read for a while, so that the next request is found. It has an end.
func TestWhatIsReadBehindARefusalIsBounded(t *testing.T) {
	const room = 2 << 20 // in the buffers of the socket
	for _, row := range []struct {
		name   string
		pairs  func(b *bench) []string
		part   func(c *stack.Client) error
		status int
		cause  string
	}{
		{
			"params that do not end", nil,
			func(c *stack.Client) error {
				_, err := stack.Record{Type: stack.ParamsType, ID: 1, Content: kibibyte}.WriteTo(c)
				return err
			}, 431, "params_too_long",
		},
		{
			"a body that does not end, of no site", func(*bench) []string { return []string{"DOCUMENT_ROOT", "/none"} },
			func(c *stack.Client) error { return c.Stdin(kibibyte) }, 404, "no_site",
		},
		{
			"a body beyond its length", func(b *bench) []string { return b.params("CONTENT_LENGTH", "5") },
			func(c *stack.Client) error { return c.Stdin(kibibyte) }, 400, "bad_request",
		},
		{
			"a body beyond max_body", func(b *bench) []string { return b.params() },
			func(c *stack.Client) error { return c.Stdin(kibibyte) }, 413, "body_too_large",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			b.cfg.MaxBody = 100 << 10
			b.cfg.SpoolDir = b.dir + "/none" // spooling would be another cause
			b.start()
			c := b.connect()
			b.must(c.Begin(true))
			if row.pairs != nil {
				b.must(c.Params(row.pairs(b)...))
			}
			taken := pour(c, 10*maxDiscard, func() error { return row.part(c) })
			if most := 2*maxDiscard + fcgi.MaxParams + room; taken > most {
				t.Errorf("%d KiB were read, want at most %d KiB", taken>>10, most>>10)
			}
			b.wantRefused(c, row.status)
			if _, err := c.Next(); !errors.Is(err, io.EOF) && err == nil {
				t.Error("the connection goes on")
			}
			if e := b.logged(`"message":"request"`); e.String("cause") != row.cause {
				t.Errorf("the log has %v", e)
			}
			b.served(b.connect(), "", b.params()...)
		})
	}
}

func TestMaxBodyIsHeldAgainstTheAnnouncedLengthBeforeAnythingIsRead(t *testing.T) {
	b := newBench(t)
	b.cfg.MaxBody = 1000
	b.start()
	c := b.connect()
	b.must(c.Begin(true))
	b.must(c.Params(b.params("CONTENT_LENGTH", "1001")...))
	b.must(c.Stdin(nil))
	b.wantRefused(c, 413)
	b.logged("max_body is 1000")
	b.served(c, strings.Repeat("x", 1000), b.params("CONTENT_LENGTH", "1000")...)
}

func TestAllUnfinishedRequestsTogetherHaveOneBoundOfMemory(t *testing.T) {
	b := newBench(t)
	b.cfg.SpoolDir = b.dir + "/spool"
	b.server = b.newServer()
	big := strings.Repeat("x", 60<<10)
	half := stack.Pairs("HTTP_A", big)
	holds := int64(2 * paramsCost * len(half)) // a request with both halves of its params
	b.server.memory.limit = 5*holds + 80<<10
	b.must(b.server.Listen())
	b.serve(b.server)
	var waiting []*stack.Client
	for range 5 { // one after the other, because of the buffers for long records
		c := b.connect()
		b.must(c.Begin(true))
		for range 2 {
			_, err := stack.Record{Type: stack.ParamsType, ID: 1, Content: half}.WriteTo(c)
			b.must(err)
		}
		waiting = append(waiting, c)
		b.awaitMemory("it is there", func(used int64) bool { return used == int64(len(waiting))*holds })
	}
	t.Run("params that do not fit are refused", func(t *testing.T) {
		c := b.connect()
		b.must(c.Begin(true))
		b.must(c.Params(b.params("HTTP_A", big)...))
		b.must(c.Stdin(nil))
		b.wantRefused(c, 503)
		b.logged(`"cause":"memory"`)
	})
	t.Run("a body that does not fit is spooled", func(t *testing.T) {
		other := b.connect() // has most of what is left
		b.must(other.Begin(true))
		_, err := stack.Record{Type: stack.ParamsType, ID: 1, Content: stack.Pairs("HTTP_A", big[:25<<10])}.WriteTo(other)
		b.must(err)
		b.awaitMemory("it is there", func(used int64) bool { return used > 5*holds })
		c := b.connect()
		b.send(c, big[:40<<10], b.params("CONTENT_LENGTH", "40960")...)
		b.wantRefused(c, 500) // there is no such directory
		b.logged(`"cause":"spool"`)
		b.must(os.Mkdir(b.cfg.SpoolDir, 0o700))
		b.served(b.connect(), big[:40<<10], b.params("CONTENT_LENGTH", "40960")...)
		other.Close()
		b.awaitMemory("it is given back", func(used int64) bool { return used == 5*holds })
	})
	t.Run("a connection with a part of a long record ends", func(t *testing.T) {
		part := append(fcgi.AppendHeader(nil, fcgi.Stdin, 1, fcgi.MaxContent), big[:20<<10]...)
		first := b.connect() // for whose buffer there is room
		_, err := first.Write(part)
		b.must(err)
		waiting = append(waiting, first)
		b.awaitMemory("it is there", func(used int64) bool { return used > 5*holds })
		c := b.connect()
		_, err = c.Write(part)
		b.must(err)
		if _, err := c.Next(); err == nil {
			t.Error("it was answered")
		}
	})
	for _, c := range waiting {
		c.Close()
	}
	b.awaitMemory("all memory is given back", func(used int64) bool { return used == 0 })
	b.served(b.connect(), "", b.params("HTTP_A", big)...)
}

func TestOfALongBodyOnlyTheBeginningIsInMemory(t *testing.T) {
	b := newBench(t).start()
	const size = 1 << 20
	c := b.upload(size, size)
	stack.Until(t, "the rest is in a file", func() bool {
		b.server.spool.mu.Lock()
		defer b.server.spool.mu.Unlock()
		return b.server.spool.written >= size-maxBodyInMemory-fcgi.MaxRecord
	})
	if used := b.server.memory.used.Load(); used > maxBodyInMemory+2*fcgi.MaxRecord {
		t.Errorf("%d KiB are in memory", used>>10)
	}
	b.must(c.Stdin(nil))
	b.fpm.Next().Answer(page)
	b.wantPage(c)
}

func TestAConnectionThatWeEndDoesNotWaitForTheWebServerForLong(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	b.must(c.Begin(true))
	b.must(c.Params("DOCUMENT_ROOT", "/none"))
	pour(c, maxDiscard+len(kibibyte), func() error { return c.Stdin(kibibyte) })
	b.wantRefused(c, 404) // and now the web server leaves the connection as it is
	stack.Until(t, "it is closed", func() bool { return b.server.Status().Connections == 0 })
}

// Two visitors who did not read stopped a pool of two for good.
func TestAWebServerThatDoesNotReadLosesItsPlace(t *testing.T) {
	for _, row := range []struct {
		name          string
		read, request time.Duration
		says          string
	}{
		{"for read_timeout", shortTimeout, 0, "read nothing of the response for read_timeout"},
		{"to the end of request_timeout", patience, shortTimeout, "did not read the response within request_timeout"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newLimited(t, 1)
			b.cfg.Pools[0].ReadTimeout, b.cfg.Pools[0].RequestTimeout = row.read, row.request
			b.start()
			_, q := b.running(b.params()...)
			go func() { // until we close the connection, and then PHP-FPM ends the script
				defer q.Close()
				q.Stdout("Content-Type: text/plain\r\n\r\n")
				for q.Stdout(strings.Repeat("x", 1<<15)) == nil {
				}
			}()
			b.logged(row.says)
			b.logged(`"cause":"client_stalled"`)
			b.served(b.connect(), "", b.params()...)
			if got := b.metric("realdocd_refusals_total", "cause", "client_stalled"); got != 1 {
				t.Errorf("%v requests are counted", got)
			}
		})
	}
}

// Its questions are answered, and it reads no answer: the goroutine would wait for ever.
func TestAWebServerThatDoesNotReadOurAnswersIsLeft(t *testing.T) {
	b := newBench(t)
	b.server = b.newServer()
	b.server.answerFor = shortTimeout
	b.must(b.server.Listen())
	b.serve(b.server)
	c := b.connect()
	c.SetWriteDeadline(time.Now().Add(4 * shortTimeout)) // we take no more
	question := bytes.Repeat(fcgi.AppendHeader(nil, fcgi.Type(77), 0, 0), 1000)
	for range maxDiscard / leastJunk / 1000 {
		if _, err := c.Write(question); err != nil {
			break
		}
	}
	stack.Until(t, "it is closed", func() bool { return b.server.Status().Connections == 0 })
	b.logged("did not read an answer within")
	b.served(b.connect(), "", b.params()...)
}

// A web server that reads again after a while has lost nothing, and no deadline stays behind.
func TestAWebServerThatReadsLateGetsItsResponse(t *testing.T) {
	b := newLimited(t, 1)
	const timeout = 5 * shortTimeout // a busy machine keeps FPM waiting, too
	b.cfg.Pools[0].ReadTimeout = timeout
	b.start()
	c, q := b.running(b.params()...)
	const size = 8 << 20
	b.must(q.Stdout("Content-Type: text/plain\r\n\r\n"))
	body := strings.Repeat("x", size)
	go func() {
		q.Stdout(body)
		q.End("")
	}()
	time.Sleep(timeout / 2)
	if reply := b.reply(c); len(reply.Body) != size || !reply.Ended {
		t.Errorf("got %d bytes, ended %v", len(reply.Body), reply.Ended)
	}
	time.Sleep(2 * timeout)
	b.served(c, "", b.params()...)
}

func TestAFloodOfBeginsTakesNoMemoryAndEnds(t *testing.T) {
	b := newBench(t)
	b.cfg.AccessLog = LogNone
	b.start()
	one := fcgi.AppendBegin(nil, 1, fcgi.Begin{Role: fcgi.RoleResponder, KeepConn: true})
	upload, err := fcgi.AppendParams(bytes.Clone(one), 1, []fcgi.Pair{
		{Name: []byte("DOCUMENT_ROOT"), Value: []byte(b.docroot("shop"))}, {Name: []byte("CONTENT_LENGTH"), Value: []byte("100000")},
	})
	b.must(err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var floods sync.WaitGroup // at the same time, for each is slowed down
	var records atomic.Int64
	for _, row := range []struct {
		name         string
		first, flood []byte
	}{
		{"second ones", one, fcgi.AppendBegin(nil, 2, fcgi.Begin{Role: fcgi.RoleResponder})},
		{"aborted ones", nil, append(bytes.Clone(one), fcgi.AppendHeader(nil, fcgi.AbortRequest, 1, 0)...)},
		{"records of no request", nil, fcgi.AppendHeader(nil, fcgi.Params, 77, 0)},
		{"records of no request within a body", upload, fcgi.AppendHeader(nil, fcgi.Params, 77, 0)},
		{"records of no body within a body", upload, fcgi.AppendHeader(nil, fcgi.Params, 1, 0)},
		{"questions", nil, fcgi.AppendHeader(nil, fcgi.Type(77), 0, 0)},
	} {
		c := b.connect()
		go io.Copy(io.Discard, c)
		floods.Go(func() {
			flood, sent := bytes.Repeat(row.flood, 1000), 0
			_, err := c.Write(row.first)
			for err == nil && sent < 10*maxDiscard {
				c.SetDeadline(time.Now().Add(patience)) // of each write: a busy machine makes each rest longer
				_, err = c.Write(flood)
				sent += len(flood)
			}
			if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: %d KiB were taken, and the connection goes on", row.name, sent>>10)
			}
			records.Add(int64(sent / len(row.flood)))
		})
	}
	floods.Wait()
	runtime.ReadMemStats(&after)
	if n := int64(after.Mallocs - before.Mallocs); n > records.Load()/4 {
		t.Errorf("%d objects were made for about %d records", n, records.Load())
	}
	b.served(b.connect(), "", b.params()...)
}

// Each of many connections may be cheap: the descriptors are not.
func TestAListenerHasAtMostMaxConnections(t *testing.T) {
	b := newBench(t)
	b.cfg.MaxConnections = 3
	b.cfg.Listen = append(b.cfg.Listen, sock.Addr(b.dir+"/other"))
	b.start()
	var three []*stack.Client
	for range 3 {
		three = append(three, b.connect())
		b.served(three[len(three)-1], "", b.params()...)
	}
	if _, err := b.connect().Next(); err == nil {
		t.Error("a fourth connection was answered")
	}
	if e := b.logged("there are max_connections"); e.String("listen") != b.dir+"/gw" || e.String("max_connections") != "3" {
		t.Errorf("the log has %v", e)
	}
	if got := b.metric("realdocd_web_connections_refused_total", "", ""); got != 1 {
		t.Errorf("%v connections are counted", got)
	}
	other, err := stack.Connect(stack.Addr(b.dir + "/other"))
	b.must(err)
	defer other.Close()
	b.served(other, "", b.params()...)
	b.served(three[0], "", b.params()...)
	three[1].Close()
	stack.Until(t, "one has left", func() bool {
		c, err := stack.Connect(b.addr)
		b.must(err)
		defer c.Close()
		b.must(c.Begin(true))
		c.Params("DOCUMENT_ROOT", "/none")
		c.Stdin(nil)
		reply, err := c.Reply()
		return err == nil && reply.Status == 404
	})
}

func TestThousandsOfConnectionsComeAndGo(t *testing.T) {
	b := newBench(t).start()
	before := runtime.NumGoroutine()
	for range 5 {
		var conns []net.Conn
		for range 400 {
			conn, err := net.Dial("unix", b.dir+"/gw")
			b.must(err)
			conns = append(conns, conn)
		}
		b.served(b.connect(), "", b.params()...)
		for _, conn := range conns {
			conn.Close()
		}
	}
	stack.Until(t, "their goroutines have ended", func() bool { return runtime.NumGoroutine() < before+50 })
	stack.Until(t, "they are counted out", func() bool { return b.server.sockets.Load().listeners[0].crowd.now.Load() < 10 })
}

// One connection made 438 MB of log in four seconds.
func TestWhatAPeerCanMakeTheLogWriteIsBounded(t *testing.T) {
	long := "/" + strings.Repeat("x", 60<<10)
	t.Run("every field is cut", func(t *testing.T) {
		b := newBench(t).start()
		c := b.connect()
		b.send(c, "", "DOCUMENT_ROOT", long, "REQUEST_METHOD", long, "REQUEST_URI", long, "SCRIPT_FILENAME", long)
		b.wantRefused(c, 404)
		b.send(c, "", b.params("REQUEST_URI", long, "REQUEST_METHOD", long, "SCRIPT_FILENAME", long)...)
		b.wantRefused(c, 403)
		b.send(c, "", b.params("CONTENT_LENGTH", long)...)
		b.wantRefused(c, 400)
		b.send(c, "", b.params("REQUEST_URI", long)...)
		q := b.fpm.Next()
		b.must(q.Stderr(long))
		q.Answer(page)
		b.reply(c)
		b.logged(`"status":200`)
		lines, _ := b.log.now()
		for _, line := range lines {
			if len(line) > 3*maxLogged+maxStderr {
				t.Errorf("a line has %d bytes: %.300s", len(line), line)
			}
		}
	})
	t.Run("requests that fail", func(t *testing.T) {
		b := newBench(t)
		b.cfg.AccessLog = LogNone
		b.start()
		c := b.connect()
		const n = 5 * maxFailures
		began := time.Now()
		for range n {
			b.send(c, "", "DOCUMENT_ROOT", "/none")
			b.wantRefused(c, 404)
		}
		seconds := 2 + int(time.Since(began).Seconds())
		b.logged("more events of requests that have failed were not written")
		b.wantAllTold("no_site", n, seconds*maxFailures)
	})
	t.Run("connections with records that cannot be", func(t *testing.T) {
		b := newBench(t).start()
		const n = 5 * maxConnsEvents
		began := time.Now()
		for range n {
			c := b.connect()
			_, err := stack.Record{Type: stack.BeginRequest, ID: 1, Content: []byte{1}}.WriteTo(c)
			b.must(err)
			if _, err := c.Next(); err == nil {
				t.Fatal("it was answered")
			}
		}
		seconds := 2 + int(time.Since(began).Seconds())
		b.logged("more events of connections were not written")
		b.wantAllTold("connection of the web server ended", n, seconds*maxConnsEvents)
	})
	t.Run("stderr", func(t *testing.T) {
		b := newBench(t).start()
		c, q := b.running(b.params()...)
		go func() {
			for range 2000 {
				q.Stderr(strings.Repeat("e", 1000))
			}
			q.End(page)
		}()
		b.reply(c)
		if e := b.logged(`"message":"request"`); e.String("stderr_bytes") != "2000000" && e.String("stderr_bytes") != "2e+06" {
			t.Errorf("the log has %v", e)
		}
		lines, _ := b.log.now()
		size := 0
		for _, line := range lines {
			size += len(line)
		}
		if size > 2*maxStderrOfOne+4096 {
			t.Errorf("%d KiB were logged", size>>10)
		}
	})
	t.Run("many lines of stderr", func(t *testing.T) {
		b := newBench(t).start()
		c, q := b.running(b.params()...)
		const n = 10 * maxStderrs
		began := time.Now()
		go func() {
			for range n {
				q.Stderr("e")
			}
			q.End(page)
		}()
		b.reply(c)
		seconds := 2 + int(time.Since(began).Seconds())
		b.logged("more events of FPM's stderr were not written")
		b.wantAllTold("FPM wrote to stderr", n, seconds*maxStderrs)
	})
}

// wantAllTold fails the test unless all events with this text were written, at most so many, or are counted in one
// that says how many were not.
func (b *bench) wantAllTold(text string, all, most int) {
	b.t.Helper()
	var written, held int
	stack.Until(b.t, "all are told of", func() bool {
		written, held = 0, 0
		lines, _ := b.log.now()
		for _, line := range lines {
			e := stack.ParseEvent(line)
			switch n, _ := e["suppressed"].(float64); {
			case n > 0:
				held += int(n)
			case strings.Contains(line, text):
				written++
			}
		}
		return written+held == all
	})
	if written > most {
		b.t.Errorf("%d events were written, want at most %d", written, most)
	}
}

// metric is a counter with this label.
func (b *bench) metric(name, label, value string) float64 {
	b.t.Helper()
	families, err := b.server.gather()
	b.must(err)
	for _, family := range families {
		for _, m := range family.Metric {
			if family.GetName() == name && label == "" {
				return m.GetCounter().GetValue()
			}
			for _, l := range m.Label {
				if family.GetName() == name && l.GetName() == label && l.GetValue() == value {
					return m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}

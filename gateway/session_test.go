package gateway

import (
	"context"
	flags "flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"realdocd/fcgi"
	"realdocd/test/stack"
)

// A wildFPM answers as a seed has it: well, badly, late, in parts, or not at all.
func wildFPM(b *bench, done *sync.WaitGroup, stop <-chan struct{}) {
	done.Go(func() {
		for {
			select {
			case q := <-b.fpm.Requests:
				seed := uint64(len(q.Pairs))
				if id, ok := q.Value("REQUEST_ID"); ok {
					fmt.Sscanf(id, "wild-%d", &seed)
				}
				done.Go(func() { answerWildly(q, rand.New(rand.NewPCG(seed, 7))) })
			case <-stop:
				return
			}
		}
	})
}

func answerWildly(q *stack.FakeRequest, r *rand.Rand) {
	defer q.Close()
	end := func(status byte) {
		q.Send(stack.Record{Type: stack.EndRequest, ID: q.RequestID(), Content: []byte{0, 0, 0, 0, status, 0, 0, 0}})
	}
	if r.IntN(4) == 0 {
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
	}
	switch r.IntN(10) {
	case 0: // nothing
	case 1:
		q.Stdout("Status: 50")
	case 2:
		end(0)
	case 3:
		end(byte(r.IntN(9)))
	case 4:
		junk := make([]byte, r.IntN(300))
		for i := range junk {
			junk[i] = byte(r.Uint32())
		}
		q.Write(junk)
	case 5:
		q.Stdout(page)
		q.Send(stack.Record{Type: byte(r.IntN(14)), ID: uint16(r.IntN(3)), Content: []byte("what")})
		end(0)
	case 6:
		q.Stderr(strings.Repeat("e", r.IntN(100_000)))
		q.End(page)
	case 7:
		q.Stdout("Content-Type: text/plain\r\n\r\n" + strings.Repeat("x", r.IntN(500_000)))
		q.Stdout("and more")
	default:
		q.Stdout(page[:10])
		q.End(page[10:])
	}
}

// A session is one connection of a web server, which sends right and wrong things.
func wildSession(b *bench, n uint64, sites []string) {
	r := rand.New(rand.NewPCG(n, 1))
	c, err := stack.Connect(b.addr)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	for i := range 1 + r.IntN(4) {
		pairs := stack.ParamsFor(sites[r.IntN(len(sites))], "POST", "/index.php", "REQUEST_ID", fmt.Sprintf("wild-%d", n*10+uint64(i)))
		body := make([]byte, r.IntN([]int{1, 2000, 200_000}[r.IntN(3)]))
		length := len(body)
		switch r.IntN(8) {
		case 0:
			length += r.IntN(5) - 2
		case 1:
			pairs = append(pairs, "SCRIPT_FILENAME", "/etc/passwd")
		}
		if r.IntN(5) > 0 {
			pairs = append(pairs, "CONTENT_LENGTH", fmt.Sprint(max(0, length)))
		}
		c.Begin(r.IntN(4) > 0)
		if r.IntN(10) == 0 {
			c.Begin(true)
		}
		c.Params(pairs...)
		if r.IntN(12) == 0 {
			return // it leaves
		}
		c.Stdin(body)
		switch r.IntN(12) {
		case 0:
			return
		case 1:
			stack.Record{Type: byte(r.IntN(16)), ID: uint16(r.IntN(3)), Content: body[:min(len(body), 1000)]}.WriteTo(c)
		case 2:
			c.Write(fcgi.AppendHeader(nil, fcgi.AbortRequest, 1, 0))
		}
		c.Stdin(nil)
		if r.IntN(15) == 0 {
			return
		}
		if reply, err := c.Reply(); err != nil || !reply.Ended {
			return
		}
	}
}

// Whatever web servers, FPM and operators do: at the end nobody is inside anything, all places are free, and
// memory, connections and goroutines are given back.
func TestWholeSessionsLeaveNothingBehind(t *testing.T) {
	checks := "15"
	if os.Getenv("ROBUST") == "long" {
		checks = "1000"
	}
	flags.Set("rapid.checks", checks)
	rapid.Check(t, func(rt *rapid.T) { sessions(t, rt) })
}

func sessions(t *testing.T, rt *rapid.T) {
	goroutines := runtime.NumGoroutine()
	t.Run("sessions", func(t *testing.T) {
		b := newLimited(t, rapid.IntRange(1, 4).Draw(rt, "places"))
		b.cfg.AccessLog, b.cfg.MaxBody = LogNone, 150_000
		b.cfg.Pools[0].ReadTimeout, b.cfg.Pools[0].Reuse = 300*time.Millisecond, rapid.Bool().Draw(rt, "reuse")
		b.cfg.Sites[1].RequestBuffering = false
		b.start()
		var wild, asking sync.WaitGroup
		stop := make(chan struct{})
		wildFPM(b, &wild, stop)
		sites := []string{b.docroot("shop"), b.docroot("blog"), "/none"}
		for i, n := range rapid.SliceOfN(rapid.Uint64Range(1, 1<<40), 1, 12).Draw(rt, "sessions") {
			asking.Go(func() { wildSession(b, n+uint64(i), sites) })
		}
		for _, what := range rapid.SliceOfN(rapid.IntRange(0, 4), 0, 12).Draw(rt, "operators") {
			b.operate(what)
		}
		asking.Wait()
		b.server.Resume("www")
		b.nothingIsLeft()
		close(stop)
		wild.Wait()
	})
	stack.Until(t, "the goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines+8 })
}

// operate does one thing that operators and deploys do.
func (b *bench) operate(what int) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	switch what {
	case 0:
		b.flip("2")
	case 1:
		b.flip("1")
	case 2:
		b.server.Pause("www")
		time.Sleep(5 * time.Millisecond)
		b.server.Resume("www")
	case 3:
		b.server.Drain(ctx, "www")
		b.server.Resume("www")
	case 4:
		b.must(b.server.Reload(b.cfg))
	}
}

// nothingIsLeft waits until the server holds nothing of any request.
func (b *bench) nothingIsLeft() {
	b.t.Helper()
	stack.Until(b.t, "all places are free, nobody is inside, and all memory is given back", func() bool {
		st := b.server.Status()
		inside := int64(0)
		for _, site := range b.server.setup.Load().sites.all {
			inside += site.releases.Inside()
		}
		return st.Pools[0].Running == 0 && st.Pools[0].Waiting == 0 && inside == 0 && st.Connections == 0 &&
			b.server.memory.used.Load() == 0
	})
}

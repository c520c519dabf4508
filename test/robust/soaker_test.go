package robust

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"realdocd/test/stack"
)

// An ask is one request of the soak, and what its client saw.
type ask struct {
	id, kind string
	expect   int    // the status of a request that is to be refused; 0 is to be answered
	saw      string // "answered", "refused", "broken" or "left"
	status   int
	torn     string
}

// A soaker is a client that asks one thing after another, over a connection that it keeps while it can.
type soaker struct {
	y    *yard
	name string
	rand *rand.Rand
	conn *stack.Client
	asks []ask
}

// soak has the clients ask for so long, while chaos does what it does; nil is nothing.
func (y *yard) soak(clients []*soaker, seed uint64, lasts time.Duration, chaos *chaos) (all []ask) {
	y.t.Helper()
	until := time.Now().Add(lasts)
	var asking sync.WaitGroup
	for i := range clients {
		c := &soaker{y: y, name: fmt.Sprintf("s%d.%d", seed, i), rand: rand.New(rand.NewPCG(seed, uint64(i+1)))}
		clients[i] = c
		asking.Go(func() {
			for time.Now().Before(until) {
				c.ask()
			}
			c.drop()
		})
	}
	for chaos != nil && time.Now().Before(until) {
		chaos.step()
		time.Sleep(time.Duration(chaos.rand.IntN(80)) * time.Millisecond)
	}
	asking.Wait()
	for _, c := range clients {
		all = append(all, c.asks...)
	}
	return all
}

func (c *soaker) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// ask sends one request, of a kind that the seed gives, and notes what came of it.
func (c *soaker) ask() {
	a := ask{id: fmt.Sprintf("%s-%d", c.name, len(c.asks))}
	root := c.y.site.DocRoot()
	more := []string{"REQUEST_ID", a.id}
	params := func(script string, more ...string) []string {
		return stack.ParamsFor(root, "GET", script, append(more, "REQUEST_ID", a.id)...)
	}
	var body []byte
	var pairs []string
	switch n := c.rand.IntN(100); {
	case n < 70:
		a.kind, pairs = "page", params("/index.php", "QUERY_STRING", "pause=0&parts=5")
	case n < 84:
		a.kind, body = "upload", make([]byte, 1+c.rand.IntN([]int{100, 10_000, 400_000}[c.rand.IntN(3)]))
		pairs = params("/wait.php", "REQUEST_METHOD", "POST", "CONTENT_LENGTH", fmt.Sprint(len(body)))
	case n < 88:
		a.kind, pairs = "leaves", params("/wait.php", "QUERY_STRING", "before=0.02")
	case n < 91:
		a.kind, a.expect, pairs = "no site", 404, append([]string{"DOCUMENT_ROOT", "/none"}, more...)
	case n < 94:
		a.kind, a.expect, pairs = "outside", 403, params("/index.php", "SCRIPT_FILENAME", "/etc/passwd")
	case n < 97:
		a.kind, a.expect, body = "too long", 413, make([]byte, 10)
		pairs = params("/wait.php", "CONTENT_LENGTH", "2000000")
	default:
		a.kind, a.expect, body = "beyond its length", 400, make([]byte, 1000)
		pairs = params("/wait.php", "CONTENT_LENGTH", "7")
	}
	c.send(&a, body, pairs)
	c.asks = append(c.asks, a)
}

// send sends it, and reads what comes back.
func (c *soaker) send(a *ask, body []byte, pairs []string) {
	if c.conn == nil {
		conn, err := stack.Connect(c.y.gw.Addr)
		if err != nil {
			a.saw = "left" // nobody took the connection: no request has begun
			return
		}
		c.conn = conn
	}
	c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	c.conn.Begin(true)
	err := c.conn.Params(pairs...)
	if len(body) > 0 && err == nil {
		c.conn.Stdin(body)
	}
	c.conn.Stdin(nil)
	if a.kind == "leaves" {
		time.Sleep(time.Duration(c.rand.IntN(10)) * time.Millisecond)
		c.drop()
		a.saw = "left"
		return
	}
	reply, err := c.conn.Reply()
	a.status = reply.Status
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		a.saw = "nothing"
	case !reply.Ended:
		a.saw = "broken"
	case reply.Status == 200:
		a.saw = "answered"
		a.judge(reply, len(body))
	default:
		a.saw = "refused"
	}
	if !reply.Ended || a.expect != 0 {
		c.drop()
	}
}

// judge looks at a page that came whole.
func (a *ask) judge(reply *stack.Reply, sent int) {
	switch a.kind {
	case "page":
		o := new(stack.Observation)
		if err := json.Unmarshal(reply.Body, o); err != nil {
			a.torn = fmt.Sprintf("not the page: %.100q", reply.Body)
			return
		}
		a.torn = o.Verdict().Torn
	case "upload":
		if !strings.Contains(string(reply.Body), fmt.Sprintf(" body=%d end", sent)) {
			a.torn = fmt.Sprintf("PHP got another body than %d bytes: %.100q", sent, reply.Body[max(0, len(reply.Body)-60):])
		}
	}
}

package robust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/test/stack"
)

// An ask is one request of the soak, and what its client saw.
type ask struct {
	id, kind string
	expect   int    // the status of a request that is to be refused; 0 is to be answered
	nginx    bool   // it went through nginx
	saw      string // "answered", "refused", "broken" or "left"; else it was lost
	why      string // it is broken
	status   int
	torn     string
}

// A soaker is a client that asks one thing after another, over a connection that it keeps while it can.
type soaker struct {
	y    *yard
	name string
	rand *rand.Rand
	conn *stack.Client // to realdocd
	web  *http.Client  // nil if it is a web server itself
	urls []string      // of the sites behind nginx
	all  *atomic.Int64 // requests of all of them
	sent int
	asks []ask
	docs []string // the docroots of deployed sites
}

// soakers are so many web servers, and so many visitors of nginx.
func (y *yard) soakers(seed uint64, c *chaos, servers, visitors int) (clients []*soaker) {
	all := new(atomic.Int64)
	for i := range servers + visitors {
		s := &soaker{y: y, name: fmt.Sprintf("s%d.%d", seed, i), rand: rand.New(rand.NewPCG(seed, uint64(i+1))), all: all}
		for n, d := range c.deployed {
			s.docs = append(s.docs, d.docroot())
			s.urls = append(s.urls, c.web.URL(n+1, "/index.php"))
		}
		if i >= servers {
			s.web = &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
			s.urls = append(s.urls, c.web.URL(0, ""))
		}
		clients = append(clients, s)
	}
	return clients
}

// soak has the clients ask until the end, while chaos does what it does; nil is nothing. It adds to
// all what they have seen, also if chaos ends the test.
func soak(clients []*soaker, ends end, chaos *chaos, all *[]ask) {
	until, last := time.Now().Add(ends.lasts), clients[0].all.Load()+ends.requests
	failed := make(chan struct{})
	more := func() bool {
		select {
		case <-ends.interrupted:
			return false
		case <-failed:
			return false
		default:
			return time.Now().Before(until) || clients[0].all.Load() < last
		}
	}
	var asking sync.WaitGroup
	for _, c := range clients {
		asking.Go(func() {
			for more() {
				c.ask()
				c.all.Add(1)
			}
			c.drop()
		})
	}
	defer func() {
		asking.Wait()
		for _, c := range clients {
			*all = append(*all, c.asks...)
			c.asks = nil
		}
	}()
	if chaos != nil {
		ended := false
		defer func() {
			if !ended {
				close(failed)
			}
		}()
		chaos.run(more)
		ended = true
	}
}

func (c *soaker) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// ask sends one request, of a kind that the seed gives, and notes what came of it.
func (c *soaker) ask() {
	c.sent++
	a := ask{id: fmt.Sprintf("%s-%d", c.name, c.sent), nginx: c.web != nil}
	if a.nginx {
		c.visit(&a)
	} else {
		c.serve(&a)
	}
	c.asks = append(c.asks, a)
}

// serve sends a request as a web server does.
func (c *soaker) serve(a *ask) {
	root := c.y.site.DocRoot()
	params := func(script string, more ...string) []string {
		return stack.ParamsFor(root, "GET", script, append(more, "REQUEST_ID", a.id)...)
	}
	var body []byte
	var pairs []string
	switch n := c.rand.IntN(100); {
	case n < 60:
		a.kind, pairs = "page", params("/index.php", "QUERY_STRING", "pause=0&parts=5")
	case n < 70:
		root = c.docs[n%len(c.docs)]
		a.kind, pairs = "deployed page", params("/index.php", "QUERY_STRING", c.pause())
	case n < 84:
		a.kind, body = "upload", c.body()
		pairs = params("/wait.php", "REQUEST_METHOD", "POST", "CONTENT_LENGTH", fmt.Sprint(len(body)))
	case n < 88:
		a.kind, pairs = "leaves", params("/wait.php", "QUERY_STRING", "before=0.02")
	case n < 91:
		a.kind, a.expect, pairs = "no site", 404, []string{"DOCUMENT_ROOT", "/none", "REQUEST_ID", a.id}
	case n < 94:
		a.kind, a.expect, pairs = "outside", 403, params("/index.php", "SCRIPT_FILENAME", "/etc/passwd")
	case n < 97:
		a.kind, a.expect, body = "too long", 413, make([]byte, 10)
		pairs = params("/wait.php", "CONTENT_LENGTH", "2000000")
	default:
		a.kind, a.expect, body = "beyond its length", 400, make([]byte, 1000)
		pairs = params("/wait.php", "CONTENT_LENGTH", "7")
	}
	c.send(a, body, pairs)
}

// pause is a query that has a page of a deployed site take some time, now and then.
func (c *soaker) pause() string {
	return fmt.Sprintf("pause=%d", []int{0, 0, 0, 0, 100, 5000}[c.rand.IntN(6)])
}

func (c *soaker) body() []byte {
	return make([]byte, 1+c.rand.IntN([]int{100, 10_000, 400_000}[c.rand.IntN(3)]))
}

// visit asks nginx.
func (c *soaker) visit(a *ask) {
	var body []byte
	method, url := "GET", ""
	switch n := c.rand.IntN(100); {
	case n < 40:
		a.kind, url = "page", c.urls[len(c.docs)]+"/index.php?pause=0&parts=5"
	case n < 80:
		a.kind, url = "deployed page", c.urls[n%len(c.docs)]+"?"+c.pause()
	default:
		a.kind, method, url, body = "upload", "POST", c.urls[len(c.docs)]+"/wait.php", c.body()
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	c.y.must(err)
	request.Header["X-Soak"] = []string{a.id}
	request.Header["Idempotency-Key"] = nil // nginx may close a connection just when a request comes on it
	response, err := c.web.Do(request)
	if err != nil {
		a.saw = "nothing: " + err.Error()
		return
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	a.status = response.StatusCode
	switch {
	case err != nil:
		a.saw, a.why = "broken", fmt.Sprintf("%v after %d bytes, %q", err, len(text), text[max(0, len(text)-60):])
	case a.status == 200:
		a.saw = "answered"
		a.judge(text, len(body))
	default:
		a.saw = "refused"
	}
}

// send sends it, and reads what comes back.
func (c *soaker) send(a *ask, body []byte, pairs []string) {
	if c.conn == nil {
		conn, err := stack.Connect(c.y.gw.Addr)
		if err != nil {
			a.saw = "nothing: " + err.Error()
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
		a.saw, a.why = "broken", fmt.Sprint(err)
	case reply.Status == 200:
		a.saw = "answered"
		a.judge(reply.Body, len(body))
	default:
		a.saw = "refused"
	}
	if !reply.Ended || a.expect != 0 {
		c.drop()
	}
}

// judge looks at a page that came whole.
func (a *ask) judge(body []byte, sent int) {
	switch a.kind {
	case "page":
		o := new(stack.Observation)
		if err := json.Unmarshal(body, o); err != nil {
			a.torn = fmt.Sprintf("not the page: %.100q", body)
			return
		}
		a.torn = o.Verdict().Torn
	case "deployed page":
		a.torn = tornOf(body)
	case "upload":
		if !strings.Contains(string(body), fmt.Sprintf(" body=%d end", sent)) {
			a.torn = fmt.Sprintf("PHP got another body than %d bytes: %.100q", sent, body[max(0, len(body)-60):])
		}
	}
}

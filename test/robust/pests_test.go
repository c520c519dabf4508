package robust

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

// A pest is a peer that is a burden, while others ask for pages.
type pest struct {
	what string
	// hands is how many do the same at once.
	hands int
	// once is done before; may be nil. do is done again and again until the end.
	once, do func(p *pests)
	// saturates says that it takes all that there is, so that others wait for their turn.
	saturates bool
}

// pests are those of one run.
type pests struct {
	addr    stack.Addr
	docroot string
	over    atomic.Bool
	did     atomic.Int64
	held    []*stack.Client // so that nobody closes them
}

// A pest works in a process of its own, which these variables tell which, and where.
const (
	pestVariable = "ROBUST_PEST"
	pestAddr     = "ROBUST_PEST_ADDR"
	pestDocroot  = "ROBUST_PEST_DOCROOT"
)

// runPest is such a process: it says when it is at work, and how often it has done what it
// does when its input ends.
func runPest(n string) {
	i, err := strconv.Atoi(n)
	if err != nil || i >= len(annoyances) {
		os.Exit(2)
	}
	a, p := annoyances[i], &pests{addr: stack.Addr(os.Getenv(pestAddr)), docroot: os.Getenv(pestDocroot)}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		p.over.Store(true)
	}()
	if a.once != nil {
		a.once(p)
	}
	var hands sync.WaitGroup
	for range a.hands {
		hands.Go(func() {
			for !p.over.Load() {
				a.do(p)
			}
		})
	}
	for p.did.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("at work")
	hands.Wait()
	fmt.Println(p.did.Load())
	os.Exit(0)
}

// mostConnections is how many connections this process and realdocd can have with each other.
func mostConnections() int {
	var limit unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return int(min(limit.Max, 22_000)) - 2_000
}

// connect gives a connection whose errors are of no interest.
func (p *pests) connect() *stack.Client {
	c, err := patient(p.addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return c
}

// patient connects, and waits while there are too many who want to. The kernel refuses those at once.
func patient(addr stack.Addr) (c *stack.Client, err error) {
	return c, stack.Poll(func() (err error) {
		c, err = stack.Connect(addr)
		return err
	})
}

// flood sends the same again and again on one connection, until that ends.
func (p *pests) flood(first, then []byte) {
	c := p.connect()
	defer c.Close()
	go func() { // what is answered
		for {
			if _, err := c.Next(); err != nil {
				return
			}
		}
	}()
	_, err := c.Write(first)
	for err == nil && !p.over.Load() {
		_, err = c.Write(then)
		p.did.Add(1)
	}
}

func begins(n int) (out []byte) {
	for range n {
		out = append(out, record(stack.BeginRequest, []byte{0, 1, 1, 0, 0, 0, 0, 0})...)
	}
	return out
}

func record(kind byte, content []byte) []byte {
	var b strings.Builder
	stack.Record{Type: kind, ID: 1, Content: content}.WriteTo(&b)
	return []byte(b.String())
}

// annoyances are the table in the manual, in its order.
var annoyances = []pest{
	{what: "as many idle connections as there are descriptors", hands: 1, once: func(p *pests) {
		for range mostConnections() {
			p.held = append(p.held, p.connect())
		}
		p.did.Add(int64(mostConnections()))
	}, do: func(*pests) { time.Sleep(10 * time.Millisecond) }},
	{what: "two thousand connections a second that come and go", hands: 4, do: func(p *pests) {
		p.connect().Close()
		p.did.Add(1)
		time.Sleep(2 * time.Millisecond)
	}},
	{what: "connections that come and go as fast as they can: new ones wait behind 4,096", hands: 4, do: func(p *pests) {
		p.connect().Close()
		p.did.Add(1)
	}, saturates: true},
	{what: "BEGIN_REQUEST without an end", hands: 4, do: func(p *pests) { p.flood(nil, begins(1000)) }},
	{what: "params without an end", hands: 4, do: func(p *pests) {
		p.flood(begins(1), record(stack.ParamsType, make([]byte, 0xfff8)))
	}},
	{what: "a thousand headers, a byte at a time", hands: 1, once: func(p *pests) {
		for range 1000 {
			c := p.connect()
			p.held = append(p.held, c)
			go func() {
				c.Write(append(begins(1), 1, stack.ParamsType, 0, 1, 0xff, 0, 0, 0))
				for !p.over.Load() {
					if _, err := c.Write([]byte{1}); err != nil {
						return
					}
					p.did.Add(1)
					c.SetDeadline(time.Now().Add(stack.Patience))
					time.Sleep(100 * time.Millisecond)
				}
			}()
		}
	}, do: func(*pests) { time.Sleep(10 * time.Millisecond) }},
	{what: "bodies without an end, of requests that are refused", hands: 4, do: func(p *pests) {
		head := append(begins(1), record(stack.ParamsType, stack.Pairs("DOCUMENT_ROOT", "/none"))...)
		p.flood(append(head, record(stack.ParamsType, nil)...), record(stack.StdinType, make([]byte, 0xfff8)))
	}},
	{what: "requests that fail, with long names for the log", hands: 4, do: func(p *pests) {
		stack.Ask(p.addr, nil, "DOCUMENT_ROOT", "/"+strings.Repeat("x", 60_000), "REQUEST_URI", "/"+strings.Repeat("y", 60_000))
		p.did.Add(1)
	}},
	{what: "a script that writes megabytes to its error output", hands: 1, do: func(p *pests) {
		stack.Ask(p.addr, nil, stack.ParamsFor(p.docroot, "GET", "/stderr.php")...)
		p.did.Add(1)
	}},
	{what: "a web server that does not read its response", hands: 1, do: func(p *pests) {
		c := p.connect()
		defer c.Close()
		c.Begin(false)
		c.Params(stack.ParamsFor(p.docroot, "GET", "/spy.php", "QUERY_STRING", "more=200000")...)
		c.Stdin(nil)
		time.Sleep(50 * time.Millisecond)
		p.did.Add(1)
	}},
}

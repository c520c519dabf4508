package gateway

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

const page = "Content-Type: text/plain\r\n\r\nthe page"

// patience is how long a test waits for what must come.
const patience = stack.Patience

// bench is a gateway in this process between a test that plays the web server and a fake FPM. Its sites
// are real directories:
//
//	DIR/shop/current -> releases/1      and the same below DIR/blog
//	DIR/shop/releases/{1,2}/public
type bench struct {
	t      testing.TB
	dir    string
	cfg    Config
	fpm    *stack.FakeFPM
	log    *logBuffer
	logger zerolog.Logger                                         // into log, unless the test says otherwise
	facts  fpm.Answer                                             // what FPM says of itself
	asked  atomic.Pointer[func(fpm.Question) (fpm.Answer, error)] // answers instead, once it is set
	idle   time.Duration                                          // for keepFor
	stale  time.Duration                                          // how long a request waits for a look at its link
	server *Server
	addr   stack.Addr
}

// newBench makes everything but the gateway: cfg may be changed before start.
func newBench(t testing.TB) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "rd") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &bench{t: t, dir: dir, idle: patience, stale: patience, log: &logBuffer{changed: make(chan struct{})}}
	b.logger = zerolog.New(b.log)
	for _, public := range []string{"shop/releases/1", "shop/releases/2", "blog/releases/1"} {
		b.must(os.MkdirAll(filepath.Join(dir, public, "public"), 0o755))
	}
	b.must(os.Symlink("releases/1", b.link("shop")))
	b.must(os.Symlink("releases/1", b.link("blog")))
	b.fpm = stack.ListenFPM(t, stack.Addr(dir+"/fpm"))
	b.cfg = Config{
		Listen: []sock.Addr{sock.Addr(dir + "/gw")}, ListenMode: fs.FileMode(0o600), AccessLog: LogAll,
		Pools: []fpm.Config{{
			Name: "www", Servers: []sock.Addr{sock.Addr(dir + "/fpm")}, ConnectTimeout: time.Second,
			ReadTimeout: patience, IncludePath: ".:/usr/share/php", Queue: 1024, QueueTimeout: patience,
		}},
		Sites: []SiteConfig{
			{Name: "shop", Docroot: b.docroot("shop"), Pool: "www", RequestBuffering: true},
			{Name: "blog", Docroot: b.docroot("blog"), Pool: "www", RequestBuffering: true},
		},
	}
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) link(site string) string       { return filepath.Join(b.dir, site, "current") }
func (b *bench) docroot(site string) string    { return b.link(site) + "/public" }
func (b *bench) release(site, n string) string { return filepath.Join(b.dir, site, "releases", n) }

// flip makes another release of the shop live.
func (b *bench) flip(n string) {
	b.t.Helper()
	next := filepath.Join(b.dir, "next")
	b.must(os.Symlink("releases/"+n, next))
	b.must(os.Rename(next, b.link("shop")))
}

// paths writes a text with LINK and RELEASE as the shop's link and first release.
func (b *bench) paths(text string) string {
	return strings.NewReplacer("LINK", b.link("shop"), "RELEASE", b.release("shop", "1")).Replace(text)
}

// start runs the gateway until the test ends.
func (b *bench) start() *bench {
	b.t.Helper()
	server := b.newServer()
	b.must(server.Listen())
	b.serve(server)
	return b
}

// newServer makes a gateway whose FPM says of itself what the test wants.
func (b *bench) newServer() *Server {
	b.t.Helper()
	server := New(b.cfg, b.logger)
	for _, p := range server.setup.Load().pools {
		p.AskFPM = func(_ context.Context, _ sock.Addr, _ string, q fpm.Question) (fpm.Answer, error) {
			if answer := b.asked.Load(); answer != nil {
				return (*answer)(q)
			}
			return b.facts, nil
		}
		p.KeepFor = b.idle
	}
	for _, st := range server.setup.Load().sites.all {
		st.releases.BePatient(b.stale)
	}
	return server
}

// serve runs a gateway that has its sockets until the test ends.
func (b *bench) serve(server *Server) {
	b.t.Helper()
	b.server, b.addr = server, stack.Addr(server.sockets.Load().listeners[0].Addr().String())
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	stack.Receive(b.t, server.Serving(), "a server that serves")
	b.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		server.Shutdown(ctx)
		if err := <-served; err != nil {
			b.t.Errorf("Serve: %v", err)
		}
	})
}

func (b *bench) connect() *stack.Client {
	b.t.Helper()
	c, err := stack.Connect(b.addr)
	b.must(err)
	b.t.Cleanup(func() { c.Close() })
	return c
}

// params are those of a request for a page of the shop.
func (b *bench) params(more ...string) []string {
	return stack.ParamsFor(b.docroot("shop"), "GET", "/index.php", more...)
}

// send sends a request as far as a web server does before it reads the answer.
func (b *bench) send(c *stack.Client, body string, pairs ...string) {
	b.t.Helper()
	b.must(c.Begin(true))
	b.must(c.Params(pairs...))
	if body != "" {
		b.must(c.Stdin([]byte(body)))
	}
	b.must(c.Stdin(nil))
}

func (b *bench) reply(c *stack.Client) *stack.Reply {
	b.t.Helper()
	reply, err := c.Reply()
	b.must(err)
	return reply
}

// running sends a request that FPM has and has not answered yet.
func (b *bench) running(pairs ...string) (*stack.Client, *stack.FakeRequest) {
	b.t.Helper()
	c := b.connect()
	b.send(c, "", pairs...)
	return c, b.fpm.Next()
}

// served sends a request on c that FPM answers with the page, and returns what FPM got.
func (b *bench) served(c *stack.Client, body string, pairs ...string) *stack.FakeRequest {
	b.t.Helper()
	b.send(c, body, pairs...)
	q := b.fpm.Next()
	q.Answer(page)
	if reply := b.reply(c); reply.Status != 200 || !reply.Ended || string(reply.Body) != "the page" {
		b.t.Fatalf("want the page, got status %d, complete %v: %q", reply.Status, reply.Ended, reply.Body)
	}
	return q
}

// wantRefused reads a complete error of the gateway's own, which tells no path.
func (b *bench) wantRefused(c *stack.Client, status int) *stack.Reply {
	b.t.Helper()
	reply := b.reply(c)
	if reply.Status != status || !reply.Ended || len(reply.Body) == 0 {
		b.t.Errorf("got status %d, complete %v, body %q; want a complete %d", reply.Status, reply.Ended, reply.Body, status)
	}
	for name, values := range reply.Header {
		if strings.Contains(name+strings.Join(values, ""), b.dir) {
			b.t.Errorf("the header %s tells a path of the server: %q", name, values)
		}
	}
	if strings.Contains(string(reply.Body), b.dir) {
		b.t.Errorf("the body tells a path of the server: %q", reply.Body)
	}
	select {
	case q := <-b.fpm.Requests:
		b.t.Errorf("FPM got the request with %q", q.Pairs)
	default:
	}
	return reply
}

// logBuffer keeps the gateway's log and wakes who waits for an event of it.
type logBuffer struct {
	mu      sync.Mutex
	lines   []string
	changed chan struct{} // closed and replaced by each line
}

// Write takes one event.
func (l *logBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(bytes.TrimSpace(line)))
	close(l.changed)
	l.changed = make(chan struct{})
	return len(line), nil
}

func (l *logBuffer) now() (lines []string, changed chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[:len(l.lines):len(l.lines)], l.changed
}

// logged is the first event with this text in it, there already or yet to come.
func (b *bench) logged(text string) stack.Event {
	b.t.Helper()
	expired := time.After(patience)
	for {
		lines, changed := b.log.now()
		for _, line := range lines {
			if event := stack.ParseEvent(line); strings.Contains(line, text) || strings.Contains(event.String("error"), text) {
				return event
			}
		}
		select {
		case <-changed:
		case <-expired:
			b.t.Fatalf("no event with %q within %v in the log:\n%s", text, patience, strings.Join(lines, "\n"))
		}
	}
}

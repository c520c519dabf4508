package robust

import (
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"realdocd/test/stack"
)

// chaos is what happens beside the traffic.
type chaos struct {
	y        *yard
	web      *stack.Nginx
	deployed []*deployed
	rand     *rand.Rand
	flips    int
	refusals []string // what deploys said that were refused

	mu  sync.Mutex // guards the following
	did map[string]int
}

// open makes what has to be there before the first request.
func (c *chaos) open(y *yard) {
	c.y = y
	c.web = y.Nginx(stack.NginxConfig{HTTP: nginxTells, Servers: []stack.NginxServer{
		c.server(y.site.DocRoot()), c.server(c.deployed[0].docroot()), c.server(c.deployed[1].docroot()),
	}})
	for _, d := range c.deployed {
		for range 2 {
			if live, said := d.deploy(0); !live {
				y.t.Fatalf("deploy to %s: %s", d.name, said)
			}
		}
	}
}

// nginxTells is what nginx has to say of each request, for one that the log of realdocd does not explain.
var nginxTells = []string{
	"error_log stderr info;",
	`log_format told '$http_x_soak status=$status $request_completion sent=$body_bytes_sent upstream=$upstream_status got=$upstream_bytes_received '`,
	`  'put=$upstream_bytes_sent length=$upstream_response_length header=$upstream_header_time took=$upstream_response_time $connection at $msec';`,
}

func (c *chaos) server(root string) stack.NginxServer {
	return stack.NginxServer{Root: root, Backend: c.y.gw.Addr, KeepAlive: 4, Params: []string{"REQUEST_ID $http_x_soak"}, Lines: []string{"access_log told told;"}}
}

func (c *chaos) count(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did[kind]++
}

// run does one thing after another while more says so, and deploys beside it.
func (c *chaos) run(more func() bool) {
	var deploying sync.WaitGroup
	r := rand.New(rand.NewPCG(c.rand.Uint64(), 1))
	defer deploying.Wait()
	var over atomic.Bool
	defer over.Store(true) // also if a step fails
	deploying.Go(func() { c.deploys(func() bool { return more() && !over.Load() }, r) })
	for more() {
		c.count(c.step())
		time.Sleep(time.Duration(c.rand.IntN(80)) * time.Millisecond)
	}
}

// settles wants a deploy to each site to succeed once everything is quiet.
func (c *chaos) settles() {
	c.y.t.Helper()
	for _, said := range c.refusals {
		c.y.t.Logf("a deploy was refused: %s", said)
	}
	for _, d := range c.deployed {
		if live, said := d.deploy(0); !live {
			c.y.t.Errorf("the last deploy to %s: %s", d.name, said)
		}
	}
	left, err := os.ReadDir(c.deployed[1].dir + "/releases")
	c.y.must(err)
	if len(left) > 6 { // the live one, the one before, where a rollback goes, and keep
		c.y.t.Errorf("%d releases are left of %d deploys", len(left), c.deployed[1].builds)
	}
}

// A deed is one thing that happens, as often of a hundred times as it says.
type deed struct {
	kind  string
	often int
	do    func(c *chaos)
}

var deeds = []deed{
	{"flip", 66, func(c *chaos) {
		c.flips++
		c.y.Flip(c.y.site, c.y.site.Releases[c.flips%2])
	}},
	{"reload", 5, func(c *chaos) { c.y.Reload(c.y.gw, c.y.config) }},
	{"upgrade", 4, func(c *chaos) {
		before := c.y.Upgrade(c.y.gw)
		stack.Receive(c.y.t, before.Done(), "the end of the process before")
	}},
	{"pause", 4, func(c *chaos) {
		c.y.Command(c.y.gw, 0, "pause", "www")
		time.Sleep(time.Duration(c.rand.IntN(100)) * time.Millisecond)
		c.y.Command(c.y.gw, 0, "resume", "www")
	}},
	{"worker killed", 6, func(c *chaos) {
		if workers := c.y.fpm.Workers(); len(workers) > 0 {
			syscall.Kill(workers[c.rand.IntN(len(workers))], syscall.SIGKILL)
		}
	}},
	{"PHP-FPM reloaded", 3, func(c *chaos) { c.y.must(c.y.fpm.Reload()) }},
	{"PHP-FPM restarted", 2, func(c *chaos) { c.y.Restart(c.y.fpm) }},
	{"PHP-FPM killed", 1, func(c *chaos) { c.y.killFPM(); c.y.StartAgain(c.y.fpm) }},
	{"PHP-FPM stopped for a while", 2, func(c *chaos) {
		resume := c.y.freezeFPM()
		time.Sleep(time.Duration(50+c.rand.IntN(300)) * time.Millisecond)
		resume()
	}},
	{"nginx reloaded", 2, func(c *chaos) { c.y.must(c.web.Signal(syscall.SIGHUP)) }},
	{"command killed", 3, func(c *chaos) { c.killCommand() }},
	{"flood", 2, func(c *chaos) { c.flood() }},
}

// step does one thing, and says what.
func (c *chaos) step() (kind string) {
	n := c.rand.IntN(100)
	for _, d := range deeds {
		if n -= d.often; n < 0 {
			d.do(c)
			return d.kind
		}
	}
	panic("the deeds are not a hundred in all")
}

// killCommand has a command die in the middle. What it has begun, another one ends.
func (c *chaos) killCommand() {
	commands := [][]string{
		{"status", "--watch=20ms"},
		{"drain", "shop", "1"},
		{"pause", "www"},
		{"flip", "shop", c.y.site.Release(c.y.site.Releases[c.rand.IntN(2)]), "--no-warm"},
		{"rollback", "shop"},
		{"exec", "shop", "--", "sleep", "1"},
		{"check"},
	}
	args := commands[c.rand.IntN(len(commands))]
	c.y.command(time.Duration(1+c.rand.IntN(150))*time.Millisecond, args...)
	if strings.HasPrefix(args[0], "pause") {
		c.y.Command(c.y.gw, 0, "resume", "www")
	}
}

// flood has a peer send what is nothing but a burden.
func (c *chaos) flood() {
	for range 20 {
		conn, err := c.y.gw.Addr.Dial()
		if err != nil {
			continue
		}
		conn.SetDeadline(time.Now().Add(time.Second))
		junk := make([]byte, 1+c.rand.IntN(20000))
		for i := range junk {
			junk[i] = byte(c.rand.Uint32())
		}
		if c.rand.IntN(2) == 0 {
			copy(junk, "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01\x04\x00\x01\xff\xff\x00\x00")
		}
		conn.Write(junk)
		conn.Close()
	}
}

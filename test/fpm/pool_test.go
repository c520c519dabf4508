package fpm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// pause is how long a test watches for what must not come: there is no event to wait for.
const pause = 250 * time.Millisecond

// pool is an FPM with some scripts, and a directory in which scripts and test leave each other files.
type pool struct {
	*stack.Stack
	t   *testing.T
	fpm *stack.FPM
	dir string
}

// The scripts of every pool. wait.php says that it runs, and ends when the test lets it.
var scripts = map[string]string{
	"pid.php":  `<?php echo getmypid();`,
	"mark.php": `<?php touch(__DIR__ . '/ran');`,
	"wait.php": `<?php echo str_repeat(' ', 5000); flush();
		while (!file_exists(__DIR__ . '/go')) { usleep(1000); clearstatcache(); }
		touch(__DIR__ . '/ended');`,
	"finish.php": `<?php echo getmypid(); fastcgi_finish_request();
		while (!file_exists(__DIR__ . '/go')) { usleep(1000); clearstatcache(); }
		touch(__DIR__ . '/ended');`,
}

func open(t *testing.T, c stack.FPMConfig) *pool {
	t.Helper()
	s := stack.For(t, "php-fpm")
	p := &pool{s, t, nil, filepath.Join(s.Dir, "pages")}
	p.must(os.Mkdir(p.dir, 0o755))
	p.must(os.Chmod(p.dir, 0o777)) // PHP may run as another user
	for name, text := range scripts {
		p.write(name, text)
	}
	p.fpm = s.FPM(c)
	return p
}

func (p *pool) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pool) write(name, text string) {
	p.t.Helper()
	p.must(os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644))
}

func (p *pool) has(name string) bool {
	_, err := os.Stat(filepath.Join(p.dir, name))
	return err == nil
}

func (p *pool) connect() *stack.Client {
	p.t.Helper()
	return p.Connect(p.fpm.Addr)
}

// params are those of a request for one of the scripts.
func (p *pool) params(script string, more ...string) []string {
	return stack.ParamsFor(p.dir, "GET", "/"+script, more...)
}

// send sends a whole request.
func (p *pool) send(c *stack.Client, keep bool, script string, more ...string) {
	p.t.Helper()
	p.must(c.Begin(keep))
	p.must(c.Params(p.params(script, more...)...))
	p.must(c.Stdin(nil))
}

// answer is the body of a complete answer.
func (p *pool) answer(c *stack.Client) string {
	p.t.Helper()
	reply := p.Reply(c)
	if !reply.Ended || reply.Status != 200 {
		p.t.Fatalf("got status %d, complete %v: %q %q", reply.Status, reply.Ended, reply.Body, reply.Stderr)
	}
	return string(reply.Body)
}

// ask is send and answer on a kept connection.
func (p *pool) ask(c *stack.Client, script string, more ...string) string {
	p.t.Helper()
	p.send(c, true, script, more...)
	return p.answer(c)
}

// silent fails the test when anything arrives within the pause.
func (p *pool) silent(c *stack.Client) {
	p.t.Helper()
	p.must(c.SetReadDeadline(time.Now().Add(pause)))
	reply, err := c.Reply()
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "after 0 bytes") {
		p.t.Errorf("an answer has come, or an end: %+v, %v", reply, err)
	}
	p.must(c.SetReadDeadline(time.Now().Add(10 * time.Second)))
}

// closed returns when FPM has closed the connection, and fails the test when it answers.
func (p *pool) closed(c *stack.Client) {
	p.t.Helper()
	if reply := p.Reply(c); reply.Ended || len(reply.Body) > 0 {
		p.t.Errorf("an answer has come: %+v", reply)
	}
}

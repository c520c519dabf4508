package gateway

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// noMore takes all descriptors of the process until the test ends. The pool is at rest.
func noMore(b *bench) {
	b.t.Helper()
	b.poolNow("rest", func(p control.PoolStatus) bool { return p.Running == 0 })
	highest, err := os.Open(os.DevNull)
	b.must(err)
	var before unix.Rlimit
	b.must(unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	now := before
	now.Cur = uint64(highest.Fd()) + 1
	b.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &now))
	taken := []*os.File{highest}
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	b.t.Cleanup(func() {
		unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
		for _, f := range taken {
			f.Close()
		}
	})
}

// That descriptors have run short says nothing about PHP-FPM.
func TestARequestWithoutADescriptorIsRefusedAndPHPFPMIsNotDown(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].ConnectTimeout = shortTimeout
	b.start()
	c := b.connect()
	b.served(c, "", b.params()...)
	noMore(b)
	for range 3 {
		b.send(c, "", b.params()...)
		b.wantRefused(c, 503)
	}
	if event := b.logged("realdocd itself has run short"); event.String("cause") != "own_limit" && event.String("level") != "error" {
		t.Errorf("the log has %v", event)
	}
	b.logged(`"cause":"own_limit"`)
	p := b.poolNow("up", func(p control.PoolStatus) bool { return p.Servers[0].Up })
	if lines, _ := b.log.now(); strings.Contains(strings.Join(lines, "\n"), "listener is down") || p.Running != 0 {
		t.Errorf("the pool is %+v, and the log has %q", p, lines)
	}
}

func TestTheConnectionsThatAreIdleForLongestMakeRoom(t *testing.T) {
	b := newBench(t).start()
	var idle []*stack.Client
	for range sparedAtOnce + 2 {
		c := b.connect()
		b.served(c, "", b.params()...)
		idle = append(idle, c)
		time.Sleep(2 * time.Millisecond) // their ages are told apart by the millisecond
	}
	running, q := b.running(b.params()...)
	stack.Until(t, "all but one are idle", func() bool { return b.idleConns() == len(idle) })
	b.server.spare()
	for _, c := range idle[:sparedAtOnce] {
		b.wantClosed(c)
	}
	for _, c := range idle[sparedAtOnce:] {
		b.served(c, "", b.params()...)
	}
	q.Answer(page)
	b.wantPage(running)
}

func (b *bench) idleConns() (n int) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	for c := range b.server.conns {
		if !c.busy.Load() {
			n++
		}
	}
	return n
}

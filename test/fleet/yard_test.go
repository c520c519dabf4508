package fleet

import (
	"sync"
	"testing"
	"time"

	"realdocd/test/stack"
)

// A yard has the hosts of a fleet, its etcd, and those who watch.
type yard struct {
	*stack.Stack
	t     *testing.T
	began time.Time

	hub        *stack.Space
	web, store *stack.Network
	hosts      []*host
	last       int // release that was built
}

// openYard opens so many hosts.
func openYard(t *testing.T, n int) *yard {
	t.Helper()
	y := &yard{Stack: stack.For(t, "php-fpm", "nginx", "etcd"), t: t, began: time.Now(), last: 1}
	y.hub = y.Space("hub")
	y.web, y.store = y.Network(y.hub, "web", "10.91.1."), y.Network(y.hub, "store", "10.91.2.")
	y.hosts = make([]*host, n)
	for i := range n {
		y.hosts[i] = y.openHost(i)
	}
	return y
}

func (y *yard) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

// now is the moment.
func (y *yard) now() moment { return time.Since(y.began) }

// build makes a new release on all hosts, and gives its number.
func (y *yard) build() int {
	y.last++
	for _, h := range y.hosts {
		h.build(y.last)
	}
	return y.last
}

// each does something for all hosts at the same time.
func (y *yard) each(do func(h *host)) {
	var all sync.WaitGroup
	for _, h := range y.hosts {
		all.Go(func() { do(h) })
	}
	all.Wait()
}

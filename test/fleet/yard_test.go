package fleet

import (
	"fmt"
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

	// Of a fleet.
	etcds    []*stack.Etcd
	wires    []*stack.Wire // of etcds
	seer     *watch
	spy      *spy
	operator *operator
}

// openYard opens so many hosts that know nothing of each other.
func openYard(t *testing.T, n int) *yard {
	t.Helper()
	y := prepareYard(t)
	y.openHosts(n, false)
	return y
}

func prepareYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{Stack: stack.For(t, "php-fpm", "nginx", "etcd"), t: t, began: time.Now(), last: 1}
	y.hub = y.Space("hub")
	y.web, y.store = y.Network(y.hub, "web", "10.91.1."), y.Network(y.hub, "store", "10.91.2.")
	return y
}

func (y *yard) openHosts(n int, fleet bool) {
	y.t.Helper()
	for i := range n {
		y.hosts = append(y.hosts, y.openHost(i, fleet))
	}
}

// openFleet opens so many hosts that flip together, and has them watched. Release 2 is the first
// that they have flipped to.
func openFleet(t *testing.T, n int, p pace) *yard {
	t.Helper()
	y := prepareYard(t)
	var members []*stack.Stack
	for i := range 3 {
		space := y.Space(fmt.Sprint("etcd", i+1))
		y.wires = append(y.wires, y.Join(space, y.store, true))
		members = append(members, y.Within(space))
	}
	y.etcds = y.Etcds(members...)
	y.openHosts(n, true)
	for _, h := range y.hosts {
		h.agent = h.Agent(h.gw)
	}
	y.operator = y.openOperator()
	y.seer = y.watch(p)
	y.spy = y.spyOn()
	y.flips()
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

// build makes a new release on all hosts, and gives its name.
func (y *yard) build() string {
	y.t.Helper()
	y.last++
	for _, h := range y.hosts {
		y.must(h.build(y.last))
	}
	return fmt.Sprint(y.last)
}

// settleLimit is how long all hosts may take to be in step once nothing hinders them.
const settleLimit = 30 * time.Second

// flips flips to a new release, which has to succeed, and waits until all hosts are in step. A flip that is
// refused because of what was before it is tried again.
func (y *yard) flips() (release string) {
	y.t.Helper()
	release = y.build()
	var c *command
	for until := y.now() + settleLimit; ; {
		c = y.operator.flip(release)
		if !c.ended(time.Minute) {
			y.t.Fatalf("%v: the flip to release %s does not end", y.now(), release)
		}
		if c.code == 0 || y.now() > until {
			break
		}
	}
	if c.code != 0 {
		y.t.Fatalf("%v: nobody can flip any more: exit code %d: %s", y.now(), c.code, c.said())
	}
	y.settles(release)
	return release
}

// settles waits until all hosts are in step with a release.
func (y *yard) settles(release string) {
	y.t.Helper()
	for until := y.now() + settleLimit; !y.seer.inStep(release); time.Sleep(5 * ms) {
		if y.now() > until {
			y.t.Fatalf("%v: not in step with release %s after %v: %v", y.now(), release, settleLimit, y.seer.behind(release))
		}
	}
}

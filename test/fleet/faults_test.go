package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"realdocd/test/stack"
)

// A fault is something that goes wrong, at one moment of a flip or before it.
type fault struct {
	name string
	// before says that it is there before the flip begins; otherwise it strikes in the middle.
	before bool
	// strike has it happen, and gives what ends it. c is the flip that goes on, nil before it.
	strike func(g *campaign, c *command) (mend func())
	// want is what has to come of the flip; nil is either outcome.
	want func(g *campaign, c *command, committed bool) string
}

// Hosts are taken at random, by the campaign's seed; so are moments.
var faults = []fault{
	{name: "a daemon is killed", strike: func(g *campaign, _ *command) func() {
		h := g.host()
		began := h.killDaemon()
		return func() { h.startDaemon(began) }
	}},
	{name: "an agent is killed", strike: func(g *campaign, _ *command) func() {
		h := g.host()
		h.agent.Kill()
		return func() { h.StartAgentAgain(h.agent) }
	}},
	{name: "daemon and agent of a host are killed", strike: func(g *campaign, _ *command) func() {
		h := g.host()
		began := h.killDaemon()
		h.agent.Kill()
		return func() {
			h.startDaemon(began)
			h.StartAgentAgain(h.agent)
		}
	}},
	{name: "an agent is stopped for a while", strike: func(g *campaign, _ *command) func() {
		h := g.host()
		g.must(h.agent.Signal(syscall.SIGSTOP))
		return func() { g.must(h.agent.Signal(syscall.SIGCONT)) }
	}},
	{name: "the operator's command is killed", strike: func(g *campaign, c *command) func() {
		c.kill()
		return func() {}
	}},
	{name: "an etcd is killed", strike: func(g *campaign, _ *command) func() { return g.killEtcds(1) }},
	{name: "two of three etcds are killed", strike: func(g *campaign, _ *command) func() { return g.killEtcds(2) }},
	{name: "an etcd is cut off", strike: func(g *campaign, _ *command) func() { return g.cut(g.y.wires[g.rand.IntN(len(g.y.wires))]) }},
	{name: "a host is cut off from etcd", strike: func(g *campaign, _ *command) func() { return g.cut(g.host().store) }},
	{name: "half of the hosts are cut off from etcd", strike: func(g *campaign, _ *command) func() {
		var wires []*stack.Wire
		for _, i := range g.rand.Perm(len(g.y.hosts))[:len(g.y.hosts)/2] {
			wires = append(wires, g.y.hosts[i].store)
		}
		return g.cut(wires...)
	}},
	{name: "all hosts and the operator are cut off from etcd", strike: func(g *campaign, _ *command) func() {
		wires := []*stack.Wire{g.y.operator.store}
		for _, h := range g.y.hosts {
			wires = append(wires, h.store)
		}
		return g.cut(wires...)
	}},
	{name: "the operator is cut off from etcd", strike: func(g *campaign, _ *command) func() { return g.cut(g.y.operator.store) }},
	{name: "a host hears nothing from etcd, which hears it", strike: func(g *campaign, _ *command) func() { return g.worsen(stack.Trouble{Deaf: true}) }},
	{name: "etcd hears nothing from a host, which hears it", strike: func(g *campaign, _ *command) func() { return g.worsen(stack.Trouble{Mute: true}) }},
	{name: "a host's words take 300 ms more", before: true, strike: func(g *campaign, _ *command) func() {
		return g.worsen(stack.Trouble{Delay: 300 * ms})
	}, want: flipped},
	{name: "etcd has forgotten what happened while a host was away", before: true, strike: func(g *campaign, _ *command) func() {
		mend := g.cut(g.host().store)
		g.compact()
		return mend
	}, want: refused},
	{name: "a host's disk is full", before: true, strike: func(g *campaign, _ *command) func() { return g.fill() }},
	{name: "a host's disk becomes full", strike: func(g *campaign, _ *command) func() { return g.fill() }},
	{name: "a host has another content", before: true, strike: func(g *campaign, _ *command) func() {
		part := filepath.Join(g.host().release(g.y.last), "lib", "part.php")
		text, err := os.ReadFile(part)
		g.must(err)
		g.must(os.WriteFile(part, append(text, "// patched\n"...), 0o644))
		return func() { g.must(os.WriteFile(part, text, 0o644)) }
	}, want: refused},
	{name: "a host does not have the release", before: true, strike: func(g *campaign, _ *command) func() {
		dir := g.host().release(g.y.last)
		g.must(os.Rename(dir, dir+".away"))
		return func() { g.must(os.Rename(dir+".away", dir)) }
	}, want: refused},
	{name: "a host is cut off from etcd, and declared gone", before: true, strike: func(g *campaign, _ *command) func() {
		h := g.host()
		mend := g.cut(h.store)
		g.gone = []span{{host: h.no, from: g.y.now()}}
		g.args = []string{"--gone", h.name}
		stack.Until(g.y.t, "its lease is over", func() bool { value, ok := g.y.spy.ask(g.y.spy.keys.Host(h.name)); return ok && value == nil })
		return mend
	}, want: flipped},
	{name: "a host does not have the release, and the others are enough", before: true, strike: func(g *campaign, _ *command) func() {
		dir := g.host().release(g.y.last)
		g.must(os.Rename(dir, dir+".away"))
		g.args = []string{"--at-least", fmt.Sprint(len(g.y.hosts) - 1)}
		return func() { g.must(os.Rename(dir+".away", dir)) }
	}, want: flipped},
	{name: "another operator flips too", strike: func(g *campaign, _ *command) func() {
		c := g.y.operator.flip("2")
		return func() {
			if !c.ended(commandLimit) {
				g.y.t.Errorf("the other flip does not end")
			}
			g.y.t.Logf("the other flip ended with %d: %.200s", c.code, c.said())
		}
	}},
	{name: "a host's clock is 2 s off", before: true, strike: func(g *campaign, _ *command) func() {
		by := []time.Duration{-2 * time.Second, 2 * time.Second}[g.rand.IntN(2)]
		return g.host().stepClock(by)
	}, want: func(g *campaign, c *command, committed bool) string {
		if at := g.y.spy.commitOf(g.y.release()).At; !at.IsZero() {
			return fmt.Sprintf("hosts whose clocks do not agree were to flip at once, and not at %v", at)
		}
		return flipped(g, c, committed)
	}},
}

// flipped is what comes of a fault that is nobody's loss.
func flipped(_ *campaign, c *command, committed bool) string {
	if c.code != 0 || !committed {
		return fmt.Sprintf("the flip was to succeed: exit code %d: %s", c.code, c.said())
	}
	return ""
}

// refused is what comes of a flip that cannot be: nothing has changed, and somebody is told why.
func refused(_ *campaign, c *command, committed bool) string {
	if c.code != 1 || committed || c.said() == "" {
		return fmt.Sprintf("the flip was to be refused: exit code %d, committed: %v: %s", c.code, committed, c.said())
	}
	return ""
}

// host is one of them.
func (g *campaign) host() *host { return g.y.hosts[g.rand.IntN(len(g.y.hosts))] }

// killDaemon kills realdocd, and gives when.
func (h *host) killDaemon() moment {
	at := h.y.now()
	h.gw.Kill()
	<-h.gw.Done()
	return at
}

// startDaemon starts it again. Until it accepts, requests fail: that is no fault of the fleet.
func (h *host) startDaemon(killed moment) {
	h.StartGatewayAgain(h.gw)
	h.y.seer.note(func(seen *history) { seen.downs = append(seen.downs, span{h.no, killed, h.y.now()}) })
}

// stepClock has the host's time of day be so much later than the others', as its processes see it.
func (h *host) stepClock(by time.Duration) (back func()) {
	if h.clocks == nil {
		h.clocks = map[*stack.Process]*stack.Clock{}
	}
	var clocks []*stack.Clock
	for _, p := range []*stack.Process{h.agent.Process, h.gw.Process} {
		if h.clocks[p] == nil { // it can be taken hold of once
			h.clocks[p] = h.Clock(p)
		}
		clocks = append(clocks, h.clocks[p])
		h.y.must(h.clocks[p].Step(by))
	}
	return func() {
		for _, c := range clocks {
			h.y.must(c.Step(0))
		}
	}
}

func (g *campaign) killEtcds(n int) (mend func()) {
	var killed []*stack.Etcd
	for _, i := range g.rand.Perm(len(g.y.etcds))[:n] {
		e := g.y.etcds[i]
		e.Kill()
		killed = append(killed, e)
	}
	return func() {
		for _, e := range killed {
			g.y.StartEtcdAgain(e)
		}
	}
}

func (g *campaign) cut(wires ...*stack.Wire) (mend func()) {
	for _, w := range wires {
		g.must(w.Cut())
	}
	return func() {
		for _, w := range wires {
			g.must(w.Mend())
		}
	}
}

func (g *campaign) worsen(t stack.Trouble) (mend func()) {
	w := g.host().store
	g.must(w.Worsen(t))
	return func() { g.must(w.Mend()) }
}

func (g *campaign) fill() (mend func()) {
	d := g.host().disk
	g.must(d.fill())
	return func() { g.must(d.free()) }
}

// compact has etcd forget all that is not so any more.
func (g *campaign) compact() {
	var last error
	for _, client := range g.y.spy.clients {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		now, err := client.Get(ctx, prefix)
		if err == nil {
			_, err = client.Compact(ctx, now.Header.Revision, clientv3.WithCompactPhysical())
		}
		cancel()
		if err == nil {
			return
		}
		last = err
	}
	g.must(last)
}

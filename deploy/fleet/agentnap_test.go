package fleet_test

import (
	"testing"
	"time"

	"realdocd/deploy/fleet"
)

// sleeps has a machine sleep: the time of its processes stands still, and that of its daemon's does not.
func (m *machine) sleeps(d time.Duration) { m.slept.Add(int64(d)) }

// A machine that wakes up has missed what others did without it, though its agent heard the store a moment ago
// by the time that it knows.
func TestAgent_OfAMachineThatWakesUpIsLostUntilItHearsTheStore(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		web2.kill()
		web2.lost = 20 * time.Second
		web2.start(t)
		g.settle()
		g.want("41", fleet.InStep)
		web2.client.Cut()
		web2.sleeps(time.Minute)
		time.Sleep(2 * time.Second)
		g.want("41", fleet.Lost, web2)
		time.Sleep(10 * time.Second)
		g.want("41", fleet.Lost, web2)
		g.heal(web2)
		g.settle()
		g.want("41", fleet.InStep)
		time.Sleep(time.Minute)
		g.want("41", fleet.InStep)
		web2.sleeps(time.Second) // a short one is nothing
		time.Sleep(2 * time.Second)
		g.want("41", fleet.InStep)
	})
}

func TestAgent_OfAMachineThatWakesUpDoesNotCountOnAPromiseOfBefore(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		g.record(keys.Flip("shop"), fleet.Proposal{ID: "p", Release: "42", Phase: fleet.PhasePromise, Round: 1, Seq: 1})
		time.Sleep(100 * time.Millisecond)
		web2.client.Cut()
		time.Sleep(time.Second)
		web2.sleeps(time.Minute)
		time.Sleep(1100 * time.Millisecond)
		g.want("41", fleet.InDoubt, web2)
		g.heal(web2)
		g.settle()
		g.want("41", fleet.InStep) // nothing is decided, as it hears
	})
}

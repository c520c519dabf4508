package fleet_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/deploy/fleet/memstore"
)

// A group is machines with agents around a store in memory, and a command.
type group struct {
	t        *testing.T
	store    *memstore.Store
	machines []*machine
	c        *fleet.Commander
}

// inGroup runs a test in a bubble of time, with the machines web1 to webN, which serve 41 of shop.
func inGroup(t *testing.T, n int, test func(g *group)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &group{t: t, store: memstore.New()}
		g.c = &fleet.Commander{Store: g.store.Client("command"), Keys: keys, By: "root@web1", Host: "web1"}
		for i := range n {
			m := newMachine(g.store, "web"+string(rune('1'+i)), "shop")
			m.start(t)
			g.machines = append(g.machines, m)
		}
		defer func() {
			for _, m := range g.machines {
				m.stop()
			}
		}()
		g.settle()
		test(g)
	})
}

// settle waits until all is done that follows from what has happened, without waiting for anything again.
func (g *group) settle() {
	time.Sleep(3 * time.Second)
	synctest.Wait()
}

func (g *group) flip(release string) error {
	_, err := g.c.Flip(context.Background(), fleet.Flip{Site: "shop", Release: release})
	return err
}

func (g *group) mustFlip(release string) {
	g.t.Helper()
	if err := g.flip(release); err != nil {
		g.t.Fatalf("the flip to %s: %v", release, err)
	}
}

// want wants each machine to serve a release and say a state.
func (g *group) want(release string, state fleet.State, machines ...*machine) {
	g.t.Helper()
	if len(machines) == 0 {
		machines = g.machines
	}
	for _, m := range machines {
		if got, why := m.state("shop"); m.serves("shop") != release || got != state {
			g.t.Errorf("%s serves %s and is %s (%s), want %s and %s", m.name, m.serves("shop"), got, why, release, state)
		}
	}
}

func TestAgent_FlipsAtTheInstantOfTheCommit(t *testing.T) {
	inGroup(t, 3, func(g *group) {
		g.want("41", fleet.InStep)
		report, err := g.c.Flip(context.Background(), fleet.Flip{Site: "shop", Release: "42"})
		if err != nil {
			t.Fatal(err)
		}
		if report.Commit.At.IsZero() || len(report.Applied) != 3 || report.Spread() != 0 {
			t.Errorf("the report is %+v", report)
		}
		g.settle()
		g.want("42", fleet.InStep)
		for _, m := range g.machines {
			if want := []string{"prepare shop 42", "flip shop 42", "after shop 42"}; !slices.Equal(m.deeds(), want) {
				t.Errorf("%s did %q, want %q", m.name, m.did, want)
			}
		}
	})
}

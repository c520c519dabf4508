package fleet_test

import (
	"testing"
	"testing/synctest"
	"time"

	"realdocd/deploy/fleet"
)

// appears has a site be on a machine from now on, and the daemon ask for it.
func (m *machine) appears(site, live string) {
	m.mu.Lock()
	m.live[site], m.releases[site] = live, map[string]string{"41": "v1:41", "42": "v1:42"}
	m.mu.Unlock()
	m.news <- struct{}{}
}

// Visitors wait for the first word of it.
func TestAgent_NamesASiteThatAppearsAtOnce(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		m := g.machines[0]
		m.take("look shop/new", time.Hour) // to hash what it has takes its time
		m.appears("shop/new", "41")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if state, why := m.state("shop/new"); state != fleet.InStep {
			t.Errorf("it is %s (%s): nothing is committed for it", state, why)
		}
	})
}

// What other hosts have committed of it counts: it is not served before it was compared.
func TestAgent_OfASiteThatAppearsAndIsCommittedGoesThereFirst(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		g.record(keys.Site("shop/new"), fleet.Commit{Seq: 3, Release: "42", Hash: "v1:42", Verb: "flip"})
		g.settle()
		m := g.machines[0]
		m.take("look shop/new", 2*time.Second)
		m.appears("shop/new", "41")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if state, why := m.state("shop/new"); state != fleet.Unknown {
			t.Errorf("it is %s (%s), and serves %s", state, why, m.serves("shop/new"))
		}
		time.Sleep(10 * time.Second)
		if state, why := m.state("shop/new"); state != fleet.InStep || m.serves("shop/new") != "42" {
			t.Errorf("it is %s (%s), and serves %s", state, why, m.serves("shop/new"))
		}
	})
}

// Who is asked twice while it looks looks again.
func TestAgent_LooksAgainForASiteThatAppearsWhileItLooks(t *testing.T) {
	inGroup(t, 1, func(g *group) {
		m := g.machines[0]
		m.take("sites", time.Second)
		m.appears("shop/one", "41")
		time.Sleep(500 * time.Millisecond)
		m.appears("shop/two", "41")
		time.Sleep(2 * time.Second)
		for _, site := range []string{"shop/one", "shop/two"} {
			if state, why := m.state(site); state != fleet.InStep {
				t.Errorf("%s is %s (%s)", site, state, why)
			}
		}
	})
}

package fleet_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"realdocd/deploy/fleet"
)

// refused is what a store says that does not take an operation.
func refused(fault fleet.Fault, why string) error {
	return &fleet.StoreError{Fault: fault, Doing: "writing", Store: "memory", Since: time.Now(), Err: errors.New(why)}
}

// commitsNothing gives a machine the rights of an agent: it may write what its host says, and no commit.
func commitsNothing(m *machine) {
	m.client.Refuse(func(op fleet.Op) error {
		if strings.HasPrefix(op.Key, keys.All()) {
			return refused(fleet.FaultForbidden, "permission denied")
		}
		return nil
	})
}

func (m *machine) noted(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.notes, func(n fleet.Note) bool { return n.Text == text })
}

// The operator's flip goes on after the commits that etcd has lost, and takes who knows them along.
func TestAgent_ThatMayNotGiveACommitBackSaysSoAndGoesOn(t *testing.T) {
	inGroup(t, 3, func(g *group) {
		g.mustFlip("42")
		g.settle()
		backup := g.store.Backup()
		g.mustFlip("43")
		g.settle()
		for _, m := range g.machines {
			commitsNothing(m)
		}
		g.store.Restore(backup)
		time.Sleep(time.Minute)
		g.want("43", fleet.InStep)
		for _, m := range g.machines {
			if have := g.have(m, "shop"); have.Live != "43" || have.Seq != 2 {
				t.Errorf("%s says %+v", m.name, have)
			}
			if st := m.agent.Status(); !strings.Contains(st.Unwritten, "permission denied") || !strings.Contains(m.agent.Summary(), "does not take what this host says") {
				t.Errorf("%s: %+v", m.name, st)
			}
		}
		view, err := g.c.View(context.Background(), "shop")
		if err != nil || view.Sites[0].OK() || !view.Sites[0].Hosts[1].Ahead || !strings.Contains(view.Sites[0].Hosts[1].Why, "commit 2, which etcd does not know") {
			t.Errorf("the view is %+v, %v", view.Sites, err)
		}

		// One that starts since goes by what the store has, and the flip has all in step again.
		g.machines[2].kill()
		time.Sleep(2 * fleet.LeaseTTL)
		g.machines[2].start(t)
		commitsNothing(g.machines[2])
		g.settle()
		g.want("42", fleet.InStep, g.machines[2])
		report, err := g.c.Flip(context.Background(), fleet.Flip{Site: "shop", Release: "43"})
		if err != nil || report.Commit.Seq != 3 {
			t.Fatalf("%+v, %v", report, err)
		}
		time.Sleep(time.Minute)
		g.want("43", fleet.InStep)
		for _, m := range g.machines {
			if st := m.agent.Status(); st.Unwritten != "" {
				t.Errorf("%s still has %s", m.name, st.Unwritten)
			}
		}
	})
}

func TestARollbackAfterTheStoreWasSetBackGoesToWhatTheHostsServed(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		g.mustFlip("42")
		g.settle()
		backup := g.store.Backup()
		g.mustFlip("43")
		g.settle()
		for _, m := range g.machines {
			commitsNothing(m)
		}
		g.store.Restore(backup)
		time.Sleep(time.Minute)
		report, err := g.c.Flip(context.Background(), fleet.Flip{Site: "shop", Release: "41"})
		if err != nil || report.Commit.Before != "43" || report.Commit.Seq != 3 {
			t.Fatalf("%+v, %v", report, err)
		}
		back, err := g.c.WayBack(context.Background(), "shop", fleet.Share{}, nil)
		if err != nil || back.Release != "43" || back.Seq != 2 {
			t.Errorf("it goes to %+v, %v", back, err)
		}
	})
}

func TestAgent_GivesTheHistoryBackWithTheCommit(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		g.mustFlip("42")
		g.settle()
		backup := g.store.Backup()
		g.mustFlip("43")
		g.settle()
		g.store.Restore(backup)
		time.Sleep(time.Minute)
		commits, err := g.c.History(context.Background(), "shop")
		if err != nil || commits[len(commits)-1].Release != "43" {
			t.Errorf("the history is %+v, %v", commits, err)
		}
	})
}

// An etcd whose disk is full answers, and takes nothing.
func TestAgent_SaysThatTheStoreTakesNothingOfWhatItsHostSays(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		web2.client.Refuse(func(op fleet.Op) error {
			if op.Remove {
				return nil
			}
			return refused(fleet.FaultFull, "database space exceeded")
		})
		web2.byHand("shop", "42")
		time.Sleep(10 * time.Second)
		if st := web2.agent.Status(); !st.Answers || !strings.Contains(st.Unwritten, "database space exceeded") || !strings.Contains(st.Unwritten, "etcdctl alarm disarm") {
			t.Errorf("its status is %+v", st)
		}
		if !web2.noted("the store does not take what this host says") {
			t.Error("nobody is told")
		}
		if have := g.have(web2, "shop"); have.Live != "41" {
			t.Errorf("the store took %+v", have)
		}
		g.heal(web2)
		if have := g.have(web2, "shop"); have.Live != "42" {
			t.Errorf("the store has %+v", have)
		}
		if st := web2.agent.Status(); st.Unwritten != "" || !web2.noted("the store takes what this host says") {
			t.Errorf("its status is %+v", st)
		}
	})
}

// What one site says may be more than a store takes: the others are said.
func TestAgent_WhatIsTooLargeForTheStoreHoldsNothingElse(t *testing.T) {
	inGroup(t, 1, func(g *group) {
		m := g.machines[0]
		m.kill()
		time.Sleep(2 * fleet.LeaseTTL)
		m.mu.Lock()
		for _, site := range []string{"blog", "wiki"} {
			m.live[site], m.releases[site] = "1", map[string]string{"1": "v1:1"}
		}
		m.mu.Unlock()
		m.client = g.store.Client("web1/2") // that of the next start
		began := time.Now()
		m.client.Refuse(func(op fleet.Op) error {
			switch {
			case !strings.HasPrefix(op.Key, keys.HaveAll()):
				return nil
			case time.Since(began) < 10*time.Second: // so that all is in one step then
				return refused(fleet.FaultBusy, "too many requests")
			case op.Key == keys.Have("shop", m.name):
				return refused(fleet.FaultTooLarge, "request is too large")
			}
			return nil
		})
		m.start(t)
		time.Sleep(time.Minute)
		for _, site := range []string{"blog", "wiki"} {
			if have := g.have(m, site); have.State != fleet.InStep {
				t.Errorf("of %s it says %+v", site, have)
			}
		}
		if st := m.agent.Status(); !strings.Contains(st.Unwritten, "keep fewer releases") {
			t.Errorf("its status is %+v", st)
		}
		g.heal(m)
		time.Sleep(20 * time.Second)
		if have := g.have(m, "shop"); have.State != fleet.InStep {
			t.Errorf("it says %+v", have)
		}
	})
}

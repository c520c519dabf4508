package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// heal has a machine reach the store again, and waits until calls have failed that were on their way.
func (g *group) heal(m *machine) {
	m.client.Heal()
	time.Sleep(2 * fleet.CallLimit)
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

// wantWhy wants the cause that a machine gives for its state.
func wantWhy(t *testing.T, m *machine, wants ...string) {
	t.Helper()
	_, why := m.state("shop")
	for _, want := range wants {
		if !strings.Contains(why, want) {
			t.Errorf("%s says %q, want %q in it", m.name, why, want)
		}
	}
}

func wantDeeds(t *testing.T, m *machine, wants ...string) {
	t.Helper()
	if did := m.deeds(); !slices.Equal(did, wants) {
		t.Errorf("%s did %q, want %q", m.name, did, wants)
	}
}

// record writes a record as somebody else does.
func (g *group) record(key string, v any) {
	g.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		g.t.Fatal(err)
	}
	commit(g.t, g.store.Client("other"), true, nil, put(key, string(text)))
}

func (g *group) have(m *machine, site string) (have fleet.Have) {
	g.t.Helper()
	text := get(g.t, g.store.Client("other"), keys.Have(site, m.name))
	json.Unmarshal([]byte(strings.TrimPrefix(text, "=")), &have)
	return have
}

func (g *group) answer(id string, m *machine) (answer fleet.Answer, there bool) {
	g.t.Helper()
	text := get(g.t, g.store.Client("other"), keys.Answer(id, m.name))
	err := json.Unmarshal([]byte(strings.TrimPrefix(text, "=")), &answer)
	return answer, err == nil
}

func TestAgent_TellsTheDaemonNothingBetweenTheCommitAndTheRename(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web1 := g.machines[0]
		g.mustFlip("42")
		g.settle()
		var told []string
		web1.changed = func(m *machine) {
			for _, st := range m.told {
				told = append(told, fmt.Sprintf("serves %s, told %d %s, then %s", m.live["shop"], st.Seq, st.State, st.Next))
			}
		}
		g.mustFlip("43")
		time.Sleep(100 * time.Millisecond)
		want := []string{
			"serves 42, told 1 in step, then in doubt",
			"serves 43, told 1 in step, then in doubt",
			"serves 43, told 2 in step, then ",
		}
		web1.locked(func() {
			if told = slices.Compact(told); !slices.Equal(told, want) {
				t.Errorf("it was\n%s", strings.Join(told, "\n"))
			}
		})
	})
}

func TestAgent_PromisesNothingThatItCouldNotTellTheDaemon(t *testing.T) {
	inGroup(t, 3, func(g *group) {
		g.machines[1].fail("tell", errors.New("connection refused"))
		wantError(t, g.flip("42"), "web2", "cannot be told: connection refused")
		g.settle()
		g.want("41", fleet.InStep)
		g.machines[1].recover()
		g.settle()
		g.mustFlip("42")
	})
}

func TestAgent_ThatHasPromisedAndHearsNothingIsInDoubt(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		g.record(keys.Flip("shop"), fleet.Proposal{ID: "p", Release: "42", Phase: fleet.PhasePromise, Round: 1, Seq: 1})
		time.Sleep(100 * time.Millisecond)
		if a, there := g.answer("p", web2); !there || !a.OK {
			t.Fatalf("it answers %+v", a)
		}
		web2.client.Cut()
		time.Sleep(fleet.DoubtAfter - 200*time.Millisecond)
		g.want("41", fleet.InStep)
		time.Sleep(300 * time.Millisecond)
		g.want("41", fleet.InDoubt, web2)
		wantWhy(t, web2, "has promised to go by flip p")
		// web1 knows that nothing is decided, and waits.
		time.Sleep(time.Minute)
		g.want("41", fleet.InStep, g.machines[0])
		g.want("41", fleet.InDoubt, web2)
		// The outcome comes while nobody hears.
		g.record(keys.Site("shop"), fleet.Commit{Seq: 1, Release: "42", Hash: "v1:42", Verb: "flip"})
		g.heal(web2)
		g.want("42", fleet.InStep)
	})
}

func TestAgent_StaysReadyWhileTheCommandThatDiedIsNotOverYet(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		client := g.store.Client("dies")
		l, err := client.Lease(context.Background(), fleet.LeaseTTL)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(fleet.Proposal{ID: "p", Release: "42", Phase: fleet.PhasePromise, Round: 1, Seq: 1})
		commit(t, client, true, nil, fleet.Op{Key: keys.Flip("shop"), Value: text, Lease: l.ID()})
		client.Cut()
		for range 15 {
			time.Sleep(time.Second)
			g.want("41", fleet.InStep)
		}
		if left := get(t, g.store.Client("other"), keys.Flips()); left != "" {
			t.Fatalf("the proposal is there still: %s", left)
		}
		if a, there := g.answer("p", g.machines[0]); there {
			t.Errorf("the answer is left: %+v", a)
		}
		g.mustFlip("43")
	})
}

func TestAgent_ThatStartsDuringAPromiseHasPromised(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		web2.kill()
		g.record(keys.Flip("shop"), fleet.Proposal{ID: "p", Release: "42", Phase: fleet.PhasePromise, Round: 1, Seq: 1})
		web2.start(t)
		g.settle()
		g.want("41", fleet.InStep, web2)
		web2.kill()
		time.Sleep(fleet.DoubtAfter)
		g.want("41", fleet.InDoubt, web2)
		web2.start(t)
	})
}

func TestAgent_LeavesALinkThatSomebodyFlippedUntilItComesBack(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		g.mustFlip("42")
		web1, web2 := g.machines[0], g.machines[1]
		web2.byHand("shop", "41")
		g.settle()
		g.want("41", fleet.Strayed, web2)
		wantWhy(t, web2, "flipped to release 41 without the fleet")
		web2.client.BreakWatches() // that is no loss
		time.Sleep(time.Minute)
		g.want("41", fleet.Strayed, web2)
		if have := g.have(web2, "shop"); have.State != fleet.Strayed || have.Live != "41" {
			t.Errorf("the fleet has %+v", have)
		}
		g.mustFlip("43")
		g.settle()
		g.want("43", fleet.InStep)
		web2.byHand("shop", "41")
		g.settle()
		web2.client.LoseLeases()
		time.Sleep(fleet.LeaseTTL)
		g.want("43", fleet.InStep, web2)
		web1.byHand("shop", "41")
		web1.stop()
		web1.start(t)
		g.settle()
		g.want("43", fleet.InStep)
	})
}

func TestAgent_OfAHostThatStartsComparesFlipsAndWarmsBeforeItIsReady(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		web2.kill()
		time.Sleep(2 * fleet.LeaseTTL)
		if _, err := g.c.Flip(context.Background(), fleet.Flip{Site: "shop", Release: "42", Gone: []string{"web2"}}); err != nil {
			t.Fatal(err)
		}
		web2.take("prepare", 10*time.Second)
		web2.restart(t)
		g.settle()
		g.want("42", fleet.Unknown, web2)
		wantWhy(t, web2, "warms release 42")
		time.Sleep(10 * time.Second)
		g.want("42", fleet.InStep, web2)
		wantDeeds(t, web2, "catch-up shop 42", "after shop 42", "prepare shop 42")
	})
}

func TestAgent_ThatComesBackFlipsAtOnceAndThenWarms(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		web2.client.Cut()
		time.Sleep(2 * fleet.LeaseTTL)
		if _, err := g.c.Flip(context.Background(), fleet.Flip{Site: "shop", Release: "42", Gone: []string{"web2"}}); err != nil {
			t.Fatal(err)
		}
		web2.take("prepare", 10*time.Second)
		if st := web2.agent.Status(); st.Answers || time.Since(st.Since) < fleet.LeaseTTL || st.Trouble == "" {
			t.Errorf("its status is %+v", st)
		}
		g.heal(web2)
		g.want("42", fleet.InStep)
		time.Sleep(10 * time.Second)
		wantDeeds(t, web2, "catch-up shop 42", "after shop 42", "prepare shop 42")
		if st := web2.agent.Status(); !st.Answers || !strings.Contains(web2.agent.Summary(), "1 of 1 sites in step") {
			t.Errorf("its status is %+v", st)
		}
	})
}

func TestAgent_WithoutTheReleaseIsBehindUntilItComes(t *testing.T) {
	cases := []struct {
		what  string
		fetch func(tries int) error
		why   string
		comes bool // by itself
	}{
		{"no command fetches", nil, "release 42 is not on this host, and no command is configured", false},
		{"the command fetches it", func(int) error { return nil }, "fetches release 42", true},
		{"the command fails at first", func(tries int) error {
			if tries < 4 {
				return errors.New("no route to host")
			}
			return nil
		}, "could not fetch release 42: no route to host", true},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			inGroup(t, 2, func(g *group) {
				web2, tries := g.machines[1], 0
				delete(web2.releases["shop"], "42")
				if c.fetch != nil {
					web2.fetch = func(string) error {
						tries++
						return c.fetch(tries)
					}
				}
				web2.take("fetch", 5*time.Second)
				wantError(t, g.flip("42"), "web2: release 42 is not on this host")
				g.c.Flip(context.Background(), fleet.Flip{Site: "shop", Release: "42", AtLeast: fleet.Share{Hosts: 1}})
				time.Sleep(time.Second)
				g.want("42", fleet.InStep, g.machines[0])
				g.want("41", fleet.Behind, web2)
				wantWhy(t, web2, c.why)
				time.Sleep(2 * time.Minute)
				if !c.comes {
					g.want("41", fleet.Behind, web2)
					if n := len(web2.notes); n > 20 {
						t.Errorf("it has said %d things", n)
					}
					web2.mu.Lock()
					web2.releases["shop"]["42"] = "v1:42"
					web2.mu.Unlock()
					time.Sleep(time.Minute)
				}
				g.want("42", fleet.InStep)
			})
		})
	}
}

func TestAgent_NeverGoesToOtherContentOfTheSameName(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		web2.locked(func() { web2.releases["shop"]["42"] = "v1:other" })
		wantError(t, g.flip("42"), "web2", "other content")
		g.want("41", fleet.InStep)
		g.record(keys.Site("shop"), fleet.Commit{Seq: 1, Release: "42", Hash: "v1:42", Verb: "flip"})
		time.Sleep(time.Minute)
		g.want("42", fleet.InStep, g.machines[0])
		g.want("41", fleet.Behind, web2)
		wantWhy(t, web2, "release 42 has other content on this host (v1:other) than on the others (v1:42)")
		// What changes under a host that serves it is not refused: somebody wanted it.
		g.machines[0].locked(func() { g.machines[0].releases["shop"]["42"] = "v1:changed" })
		time.Sleep(2 * time.Minute)
		g.want("42", fleet.Strayed, g.machines[0])
	})
}

func TestAgent_ThatCannotFlipIsBehindAndTriesAgainAndHoldsNoOtherSite(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		web2.locked(func() { web2.live["other"], web2.releases["other"] = "1", map[string]string{"1": "v1:1"} })
		web2.agent.Reload()
		g.settle()
		web2.fail("flip", errors.New("no space left on device"))
		err := g.flip("42")
		wantError(t, err, "web2")
		g.want("42", fleet.InStep, g.machines[0])
		g.want("41", fleet.Behind, web2)
		wantWhy(t, web2, "could not go to release 42: no space left on device")
		if state, why := web2.state("other"); state != fleet.InStep {
			t.Errorf("the other site is %s (%s)", state, why)
		}
		time.Sleep(5 * time.Minute)
		web2.locked(func() {
			if n := len(web2.notes); n > 30 {
				t.Errorf("it has said %d things", n)
			}
		})
		web2.recover()
		time.Sleep(31 * time.Second)
		g.want("42", fleet.InStep)
	})
}

func TestAgent_OfAHostThatCannotLookIsServedIfItsLinkIsRight(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		g.mustFlip("42")
		web2 := g.machines[1]
		web2.stop()
		web2.take("look", time.Hour)
		web2.start(t)
		time.Sleep(20 * time.Second)
		g.want("42", fleet.InDoubt, web2)
		web2.stop()
		web2.byHand("shop", "41")
		web2.start(t)
		time.Sleep(20 * time.Second)
		g.want("41", fleet.Unknown, web2)
	})
}

func TestAgent_OfAnotherMachineWithTheSameNameDoesNotStart(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		agent := func(machine string) error {
			a, err := fleet.NewAgent(fleet.AgentConfig{Store: g.store.Client("twin"), Keys: keys, Host: newMachine(g.store, "web2", "shop"), Name: "web2", Machine: machine})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			return a.Run(ctx)
		}
		if err := agent("another"); !errors.Is(err, fleet.ErrTaken) {
			t.Errorf("it says %v", err)
		} else {
			wantError(t, err, `"web2" is another machine's`, "give each a name of its own")
		}
		g.want("41", fleet.InStep)
		g.mustFlip("42")
		// The same machine takes over what a kill has left.
		g.machines[1].kill()
		if err := agent("web2"); err != nil {
			t.Errorf("it says %v", err)
		}
	})
}

func TestAgent_OfAHostThatWasTakenOutEndsAndHasItNotReady(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		commit(t, g.store.Client("other"), true, nil, fleet.Op{Key: keys.Member("web2"), Remove: true}, fleet.Op{Key: keys.Host("web2"), Remove: true}, put(keys.Roster(), "{}"))
		g.settle()
		g.want("41", fleet.Lost, web2)
		wantWhy(t, web2, "was taken out of the fleet")
		if err := web2.stop(); !errors.Is(err, fleet.ErrRemoved) {
			t.Errorf("it ends with %v", err)
		}
		g.mustFlip("42")
		web2.start(t)
		g.settle()
		g.want("42", fleet.InStep)
	})
}

func TestAgent_GivesAStoreThatWasSetBackItsCommitAgain(t *testing.T) {
	for what, back := range map[string]func(g *group) memstore.Backup{
		"to an earlier commit": func(g *group) memstore.Backup {
			g.mustFlip("42")
			return g.store.Backup()
		},
		"to nothing": func(g *group) memstore.Backup {
			b := memstore.New().Backup()
			g.mustFlip("42")
			return b
		},
	} {
		t.Run(what, func(t *testing.T) {
			inGroup(t, 3, func(g *group) {
				backup := back(g)
				g.mustFlip("43")
				g.settle()
				g.store.Restore(backup)
				for range 300 {
					time.Sleep(100 * time.Millisecond)
					g.want("43", fleet.InStep)
				}
				if c := get(t, g.store.Client("other"), keys.Site("shop")); !strings.Contains(c, `"seq":2,"release":"43"`) {
					t.Errorf("committed is %s", c)
				}
				g.mustFlip("41")
			})
		})
	}
}

func TestAgent_DoesNotWaitForAnInstantOfAWrongClock(t *testing.T) {
	for what, off := range map[string]time.Duration{"an hour ahead": time.Hour, "an hour ago": -time.Hour} {
		t.Run(what, func(t *testing.T) {
			inGroup(t, 1, func(g *group) {
				g.record(keys.Site("shop"), fleet.Commit{Seq: 1, Release: "42", Hash: "v1:42", Verb: "flip", At: time.Now().Add(off)})
				time.Sleep(100 * time.Millisecond)
				g.want("42", fleet.InStep)
			})
		})
	}
}

func TestAgent_OfAHostThatMayBeLostSaysSoItself(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		web2.stop()
		web2.lost = 20 * time.Second
		web2.start(t)
		time.Sleep(2 * time.Minute)
		g.want("41", fleet.InStep)
		web2.client.Cut()
		time.Sleep(10 * time.Second)
		g.want("41", fleet.InStep)
		time.Sleep(11 * time.Second)
		g.want("41", fleet.Lost, web2)
		wantWhy(t, web2, "hears nothing from etcd for longer than 20s")
		g.heal(web2)
		g.want("41", fleet.InStep)
	})
}

func TestAgent_ServesWhatItHasOfASiteThatTheFleetHasForgotten(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		g.mustFlip("42")
		g.record(keys.Site("shop"), fleet.Commit{Seq: 2, Verb: "forget"})
		g.settle()
		g.machines[1].byHand("shop", "41")
		g.settle()
		g.want("42", fleet.InStep, g.machines[0])
		g.want("41", fleet.InStep, g.machines[1])
		g.mustFlip("43")
		g.settle()
		g.want("43", fleet.InStep)
	})
}

func TestAgent_SaysOfASiteThatItsHostDoesNotHave(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		_, err := g.c.Flip(context.Background(), fleet.Flip{Site: "blog", Release: "42"})
		wantError(t, err, "this host has no such site in its realdocd.toml")
		g.record(keys.Site("blog"), fleet.Commit{Seq: 1, Release: "42", Hash: "v1:42"})
		time.Sleep(time.Minute)
		if have := g.have(g.machines[0], "blog"); have.State != fleet.Behind || !strings.Contains(have.Why, "no such site") {
			t.Errorf("it says %+v", have)
		}
		g.want("41", fleet.InStep)
		if state, _ := g.machines[0].state("blog"); state != fleet.Unknown {
			t.Errorf("the daemon was told of it: %s", state)
		}
	})
}

func TestAgent_DoesWhatIsAskedUntilNobodyAsks(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web1 := g.machines[0]
		web1.take("ask", 30*time.Second)
		ask := fleet.Ask{ID: "a", Kind: fleet.AskDrain, Site: "shop", Release: "41", Only: []string{"web1"}}
		g.record(keys.Ask("a"), ask)
		time.Sleep(time.Second)
		if a, _ := g.answer("a", web1); !a.Going || a.Data != `"half"` {
			t.Errorf("it answers %+v", a)
		}
		if _, there := g.answer("a", g.machines[1]); there {
			t.Error("web2 answers")
		}
		time.Sleep(30 * time.Second)
		if a, _ := g.answer("a", web1); a.Going || !a.OK || a.Data != `"all"` {
			t.Errorf("it answers %+v", a)
		}
		wantDeeds(t, web1, "drain shop 41")
		// Another round, and a loss of the host in the middle of it: it is asked anew.
		ask.Round = 2
		g.record(keys.Ask("a"), ask)
		time.Sleep(5 * time.Second)
		web1.client.LoseLeases()
		time.Sleep(20 * time.Second)
		if a, _ := g.answer("a", web1); !a.Going || a.Round != 2 {
			t.Errorf("it answers %+v", a)
		}
		time.Sleep(20 * time.Second)
		if a, _ := g.answer("a", web1); a.Going || !a.OK || a.Round != 2 {
			t.Errorf("it answers %+v", a)
		}
		ask = fleet.Ask{ID: "b", Kind: "dance", Site: "shop"}
		g.record(keys.Ask("b"), ask)
		time.Sleep(time.Second)
		if a, _ := g.answer("b", web1); a.OK || !strings.Contains(a.Why, "older than the command") {
			t.Errorf("it answers %+v", a)
		}
		commit(t, g.store.Client("other"), true, nil, fleet.Op{Key: keys.Asks(), Remove: true, Prefix: true})
		time.Sleep(time.Second)
		if left := get(t, g.store.Client("other"), keys.Base()+"answers/"); left != "" {
			t.Errorf("there is left %s", left)
		}
		if st := web1.agent.Status(); st.Asks != 0 {
			t.Errorf("it is at %d asks", st.Asks)
		}
	})
}

func TestAgent_HearsFromWorkThatHasComeToItsLimit(t *testing.T) {
	inGroup(t, 1, func(g *group) {
		web1 := g.machines[0]
		web1.take("ask", 31*time.Second)
		g.record(keys.Ask("a"), fleet.Ask{ID: "a", Kind: fleet.AskDrain, Site: "shop", Release: "41", Limit: 30 * time.Second})
		time.Sleep(32 * time.Second)
		if a, _ := g.answer("a", web1); a.Going || !a.OK || a.Data != `"all"` {
			t.Errorf("it answers %+v", a)
		}
	})
}

func TestAgent_AnswersPrepareThoughItCannotLook(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		g.machines[1].fail("look", errors.New("input/output error"))
		time.Sleep(3 * time.Minute) // it tries again ever more rarely
		began := time.Now()
		wantError(t, g.flip("42"), "web2: ", "input/output error")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAgent_AnswersPrepareThoughItFetchesWhatIsCommitted(t *testing.T) {
	inGroup(t, 2, func(g *group) {
		web2 := g.machines[1]
		delete(web2.releases["shop"], "42")
		web2.fetch = func(string) error { return nil }
		web2.take("fetch", 50*time.Minute)
		g.c.Flip(context.Background(), fleet.Flip{Site: "shop", Release: "42", AtLeast: fleet.Share{Hosts: 1}})
		g.settle()
		g.want("41", fleet.Behind, web2)
		g.mustFlip("43")
		g.settle()
		g.want("43", fleet.InStep)
	})
}

func TestAgent_SitesThatHangHoldNoOtherSite(t *testing.T) {
	inGroup(t, 1, func(g *group) {
		m := g.machines[0]
		m.mu.Lock()
		for i := range 20 {
			site := fmt.Sprint("hangs", i)
			m.live[site], m.releases[site] = "1", map[string]string{}
			m.takes["look "+site] = time.Hour
		}
		m.mu.Unlock()
		m.kill()
		m.restart(t)
		time.Sleep(20 * time.Second)
		g.want("41", fleet.InStep)
	})
}

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

func TestFlip_GoesLiveOnAllHostsAtOneInstant(t *testing.T) {
	inFleet(t, 16, func(f *fakeFleet) {
		report, err := f.flip(nil)
		if err != nil {
			t.Fatal(err)
		}
		c := f.committed()
		if c == nil || c.Release != "43" || c.Hash != "v1:new" || c.Seq != 1 || c.By != "root@web1" || c.At.IsZero() {
			t.Errorf("committed is %+v", c)
		}
		if len(report.Applied) != 16 || report.Spread() != 0 || report.ByArrival != "" || report.Commit.Seq != 1 {
			t.Errorf("the report is %+v", report)
		}
		if want := "prepare clock clock clock promise"; strings.Join(f.hosts["web7"].phases, " ") != want {
			t.Errorf("the phases were %q, want %q", f.hosts["web7"].phases, want)
		}
		f.wantNoFlip()
	})
}

func TestFlip_IsTheNextCommitOfTheSite(t *testing.T) {
	inFleet(t, 2, func(f *fakeFleet) {
		for _, release := range []string{"43", "42", "43"} {
			if _, err := f.flip(func(f *fleet.Flip) { f.Release = release }); err != nil {
				t.Fatal(err)
			}
		}
		commits, err := f.c.History(context.Background(), "shop")
		if err != nil || len(commits) != 4 || commits[3].Seq != 3 || commits[3].Before != "42" || commits[2].Release != "42" || commits[0].Verb != "found" || commits[0].Release != "42" {
			t.Errorf("the history is %+v (%v)", commits, err)
		}
		report, err := f.flip(nil)
		if err != nil || !report.Already || f.committed().Seq != 3 {
			t.Errorf("a flip to what is committed gives %+v (%v)", report, err)
		}
	})
}

func TestFlip_OfAReleaseThatAHostLacksNamesTheHostAndChangesNothing(t *testing.T) {
	inFleet(t, 3, func(f *fakeFleet) {
		f.hosts["web2"].why = "release 43 is not there: bring it"
		_, err := f.flip(nil)
		wantError(t, err, "web2: release 43 is not there: bring it\n", "nothing has changed: 2 of 3 hosts could flip shop to 43")
		f.wantNothing()
		if phases := f.hosts["web1"].phases; len(phases) != 1 {
			t.Errorf("the phases were %q", phases)
		}
	})
}

func TestFlip_OfAnotherContentNamesBothHashes(t *testing.T) {
	inFleet(t, 3, func(f *fakeFleet) {
		f.hosts["web3"].hash = "v1:other"
		_, err := f.flip(nil)
		wantError(t, err, "web3: its 43 has other content (v1:other) than that of 2 hosts (v1:new)")
		f.wantNothing()
	})
}

func TestFlip_LeavesHostsBehindIfEnoughHaveTheRelease(t *testing.T) {
	inFleet(t, 10, func(f *fakeFleet) {
		f.hosts["web4"].why = "release 43 is not there"
		report, err := f.flip(func(f *fleet.Flip) { f.AtLeast = fleet.Share{Hosts: 9, Of: 10} })
		if err != nil {
			t.Fatal(err)
		}
		if c := f.committed(); !slices.Equal(c.Fenced, []string{"web4"}) || len(report.Applied) != 9 {
			t.Errorf("committed is %+v, applied %d", c, len(report.Applied))
		}
		if !slices.Contains(f.hosts["web4"].phases, fleet.PhasePromise) {
			t.Error("web4 was not asked to promise")
		}
	})
}

func TestFlip_WaitsForNoHostThatIsAbsent(t *testing.T) {
	inFleet(t, 3, func(f *fakeFleet) {
		f.hosts["web3"].stop()
		began := time.Now()
		_, err := f.flip(nil)
		wantError(t, err, "web3: it is absent, and may serve still what it has: start it")
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		f.wantNothing()
	})
}

func TestFlip_PassesOverAHostThatWasDeclaredGone(t *testing.T) {
	inFleet(t, 3, func(f *fakeFleet) {
		gone := func(f *fleet.Flip) { f.Gone = []string{"web3"} }
		_, err := f.flip(gone)
		wantError(t, err, "--gone web3: its agent is there")
		f.hosts["web3"].stop()
		if _, err := f.flip(gone); err != nil {
			t.Fatal(err)
		}
		if c := f.committed(); !slices.Equal(c.Gone, []string{"web3"}) || len(c.Fenced) != 0 {
			t.Errorf("committed is %+v", c)
		}
		_, err = f.flip(func(f *fleet.Flip) { f.Gone = []string{"web33"} })
		wantError(t, err, "--gone web33: the group has no such host")
	})
}

func TestFlip_PassesOverAnAbsentHostOnlyOnceThatSaysByItselfThatItIsNotReady(t *testing.T) {
	inFleet(t, 2, func(f *fakeFleet) {
		third := newFakeHost(f.t, f.store, "web3")
		third.lost = 30 * time.Second
		third.start()
		third.stop()
		began := time.Now()
		if _, err := f.flip(func(f *fleet.Flip) { f.AtLeast = fleet.Share{Hosts: 2} }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 35*time.Second || took > 37*time.Second {
			t.Errorf("it took %v, want 30s and 5s more", took)
		}
		if c := f.committed(); !slices.Equal(c.Fenced, []string{"web3"}) {
			t.Errorf("committed is %+v", c)
		}
	})
}

func TestFlip_IsNotCommittedPastAHostThatDoesNotPromise(t *testing.T) {
	inFleet(t, 3, func(f *fakeFleet) {
		f.hosts["web2"].mute = fleet.PhasePromise
		_, err := f.flip(nil)
		wantError(t, err, "web2: it has not promised within 2s")
		_, err = f.flip(func(f *fleet.Flip) { f.AtLeast = fleet.Share{Hosts: 2} })
		wantError(t, err, "web2: it has not promised within 2s")
		f.wantNothing()
	})
}

func TestFlip_NamesWhatElseIsWrongAndThenDoesNotWait(t *testing.T) {
	inFleet(t, 4, func(f *fakeFleet) {
		f.hosts["web1"].why = "no room in the opcache"
		f.hosts["web2"].slow, f.hosts["web2"].why = 2*time.Second, "PHP-FPM cannot read it"
		f.hosts["web3"].slow = time.Hour
		began := time.Now()
		_, err := f.flip(nil)
		wantError(t, err, "web1: no room", "web2: PHP-FPM cannot", "web3: it has not prepared 43 yet")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		f.wantNothing()
	})
}

func TestFlip_GoesByArrivalIfTheClocksDoNotAgree(t *testing.T) {
	inFleet(t, 4, func(f *fakeFleet) {
		f.hosts["web3"].offset = 2 * time.Second
		report, err := f.flip(nil)
		if err != nil {
			t.Fatal(err)
		}
		if c := f.committed(); !c.At.IsZero() {
			t.Errorf("the instant is %v", c.At)
		}
		if report.ByArrival != "the clock of web3 is 2s ahead of the others" || len(report.Applied) != 4 || report.Spread() > 100*time.Millisecond {
			t.Errorf("the report is %+v", report)
		}
	})
}

func TestFlip_SaysWhichHostsHaveNotGoneByItYet(t *testing.T) {
	inFleet(t, 3, func(f *fakeFleet) {
		f.hosts["web2"].stuck = true
		report, err := f.flip(nil)
		wantError(t, err, "the flip is committed and stands", "web2: ")
		if len(report.Applied) != 2 || report.Commit.Seq != 1 || !errors.As(err, new(*fleet.LateError)) {
			t.Errorf("the report is %+v", report)
		}
	})
}

func TestFlip_OfASiteExcludesAnother(t *testing.T) {
	inFleet(t, 2, func(f *fakeFleet) {
		f.hosts["web1"].slow = time.Minute
		first := make(chan error, 1)
		go func() {
			_, err := f.flip(nil)
			first <- err
		}()
		time.Sleep(time.Second)
		_, err := f.flip(func(f *fleet.Flip) { f.Release = "42" })
		wantError(t, err, "root@web1 makes 43 of shop live since", "(prepare)")
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestFlip_ThatIsInterruptedChangesNothing(t *testing.T) {
	for _, phase := range []string{fleet.PhasePrepare, fleet.PhaseClock, fleet.PhasePromise} {
		t.Run(phase, func(t *testing.T) {
			inFleet(t, 3, func(f *fakeFleet) {
				f.hosts["web2"].mute = phase
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				_, err := f.c.Flip(ctx, fleet.Flip{Site: "shop", Release: "43"})
				wantError(t, err, "interrupted: nothing has changed for visitors of shop")
				f.wantNothing()
			})
		})
	}
}

func TestFlip_IsGivenUpIfTheStoreIsAwayForTooLong(t *testing.T) {
	inFleet(t, 2, func(f *fakeFleet) {
		f.hosts["web2"].slow = time.Hour
		go func() {
			time.Sleep(time.Second)
			f.store.Client("command").Cut()
		}()
		began := time.Now()
		_, err := f.flip(nil)
		wantError(t, err, "etcd was away for longer than 10s, so the flip was given up: nothing has changed")
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(fleet.LeaseTTL + time.Second)
		if kvs, _, _ := f.store.Client("test").Get(context.Background(), keys.All()); len(kvs) > 0 {
			t.Errorf("%s is left", kvs[0].Key)
		}
	})
}

func TestFlip_WithoutHostsSaysWhatToDo(t *testing.T) {
	inFleet(t, 0, func(f *fakeFleet) {
		_, err := f.flip(nil)
		wantError(t, err, "the group has no hosts: start realdocd-fleet on each of them")
	})
}

func TestFlip_PlanSaysWhatAFlipWouldDoAndDoesNothing(t *testing.T) {
	inFleet(t, 3, func(f *fakeFleet) {
		plan, err := f.c.Plan(context.Background(), fleet.Flip{Site: "shop", Release: "43"})
		if err != nil || len(plan.Take) != 3 || plan.Now != nil {
			t.Errorf("the plan is %+v (%v)", plan, err)
		}
		_, err = f.c.Plan(context.Background(), fleet.Flip{Site: "shop", Release: "44"})
		wantError(t, err, "web1: release 44 is not there", "web3: ")
		if phases := f.hosts["web1"].phases; len(phases) > 0 {
			t.Errorf("the phases were %q", phases)
		}
		f.wantNothing()
	})
}

// A host that had no link to rename says no time, or an old one would make the others seem to be years apart.
func TestAReportTellsTimesOnlyOfHostsThatHaveRenamedTheirLink(t *testing.T) {
	inGroup(t, 3, func(g *group) {
		g.mustFlip("42")
		g.settle()
		time.Sleep(time.Hour)
		g.machines[1].byHand("shop", "43") // as somebody does who is ahead of the fleet
		g.settle()
		report, err := g.c.Flip(context.Background(), fleet.Flip{Site: "shop", Release: "43"})
		if err != nil {
			t.Fatal(err)
		}
		if last, ok := report.Last(); len(report.Applied) != 3 || report.Spread() > time.Second || !ok || last.Host == "web2" {
			t.Errorf("it took %v, and the hosts are %+v", report.Spread(), report.Applied)
		}
		if silent := report.Applied[2]; silent.Host != "web2" || !silent.At.IsZero() || silent.After != 0 {
			t.Errorf("web2 says %+v", silent)
		}
		if have := g.have(g.machines[1], "shop"); have.Seq != 2 || !have.Applied.IsZero() {
			t.Errorf("web2 has %+v", have)
		}
	})
}

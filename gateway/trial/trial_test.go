package trial

import (
	"slices"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// An owner notes what it is told.
type owner struct{ told, closed []string }

func (o *owner) Tell(_ *Trial, text string)    { o.told = append(o.told, text) }
func (o *owner) Closes(t *Trial, ended string) { o.closed = append(o.closed, ended, statusOf(t)) }
func statusOf(t *Trial) string                 { return "is " + t.Status().Ended }
func release(path string) *deploy.Release      { return &deploy.Release{Path: path} }
func canary(o Owner, p control.Plan) *Trial {
	p.Kind, p.Every = control.KindCanary, time.Hour
	return Canary(o, "/www", p, release("/2"), release("/1"))
}

// Whoever learns that a trial has ended finds that nobody gets the candidate any more.
func TestTrial_IsOutOfTheSetAndItsOwnerHasClosedItWhenItHasEnded(t *testing.T) {
	o, set := &owner{}, &Set{}
	one := canary(o, control.Plan{Steps: []float64{100}})
	if has := set.Add(one); has != nil || set.Of("/www") != one {
		t.Fatalf("the set has %v", has)
	}
	if has := set.Add(canary(o, control.Plan{Steps: []float64{1}})); has != one {
		t.Errorf("a second one is added beside it, or instead: %v", has)
	}
	if drawn, candidate := one.Draw(); !drawn || !candidate {
		t.Error("of a hundred percent a visitor does not get it")
	}
	go one.Run(time.Hour, nil)
	one.Leave()
	if set.Of("/www") != nil || set.All() != nil {
		t.Error("the set has it still")
	}
	if drawn, _ := one.Draw(); drawn || one.Percent() != 0 {
		t.Error("visitors get it still")
	}
	if !slices.Equal(o.closed, []string{"client", "is "}) || one.Status().Ended != "client" {
		t.Errorf("its owner has heard %q, and it is %+v", o.closed, one.Status())
	}
	if len(o.told) != 1 || o.told[0] != "ended (client): the command that had begun it has ended" {
		t.Errorf("its owner was told %q", o.told)
	}
}

func TestTrial_EndsWithItsProcess(t *testing.T) {
	one := canary(&owner{}, control.Plan{Steps: []float64{100}})
	(&Set{}).Add(one)
	gone := make(chan struct{})
	go one.Run(time.Hour, gone)
	close(gone)
	stack.Receive(t, one.Over(), "the end of the trial")
	if st := one.Status(); st.Ended != "daemon" {
		t.Errorf("it is %+v", st)
	}
}

// A flip to the release that bakes is what it bakes by, and one to the release that a canary leaves live was
// before it; every other one ends a trial.
func TestSet_AFlipEndsTheTrial(t *testing.T) {
	for name, row := range map[string]struct {
		kind, to string
		ends     bool
	}{
		"a canary's candidate goes live":  {control.KindCanary, "/2", true},
		"another one goes live meanwhile": {control.KindCanary, "/3", true},
		"word of the live one comes late": {control.KindCanary, "/1", false},
		"the one that bakes":              {control.KindBake, "/2", false},
		"back from the one that bakes":    {control.KindBake, "/1", true},
	} {
		set, p := &Set{}, control.Plan{Kind: row.kind, Steps: []float64{50}, Every: time.Hour}
		one := Canary(&owner{}, "/www", p, release("/2"), release("/1"))
		if row.kind == control.KindBake {
			one = Bake(&owner{}, "/www", p, release("/2"), &Window{release: release("/1")})
		}
		set.Add(one)
		set.Flipped("/elsewhere", release("/4"))
		set.Flipped("/www", release(row.to))
		if ends := len(one.end) == 1; ends != row.ends {
			t.Errorf("%s: it ends: %v", name, ends)
		}
	}
}

func TestTrial_OnlyAnOperatorsGoesOnInAnotherProcess(t *testing.T) {
	for _, manual := range []bool{true, false} {
		one := canary(&owner{}, control.Plan{Steps: []float64{5}, Manual: manual})
		p, ok := one.Remaining()
		if ok != manual || p.Number == 0 || p.Number != one.Plan.Number || p.Every > time.Hour || p.Every < time.Hour-time.Minute {
			t.Errorf("manual %v: %v, with %+v", manual, ok, p)
		}
	}
}

// A request counts for the release that it ran on, and a visitor of a canary once for a class.
func TestTrial_CountsForItsTwoReleases(t *testing.T) {
	one := canary(&owner{}, control.Plan{Steps: []float64{50}, Fleet: true})
	for _, row := range []struct{ path, pin, uri string }{
		{"/1", "a", "/"}, {"/1", "a", "/"}, {"/2", "b", "/"}, {"/2", "c", "/"}, {"/2", "c", "/cart/"}, {"/3", "d", "/"},
	} {
		o := Observation{Failed: row.path == "/2"}
		o.Of([]byte("GET"), []byte(row.uri))
		one.Observe(&o, row.path, []byte(row.pin), time.Now())
	}
	live, candidate := one.compare.fresh(armLive), one.compare.fresh(armCandidate)
	if s := live["GET /"]; len(live) != 1 || s.Requests != 1 || s.Failed != 0 {
		t.Errorf("the live release has %+v", live)
	}
	if s := candidate["GET /"]; len(candidate) != 2 || s.Requests != 2 || s.Failed != 2 {
		t.Errorf("the candidate has %+v", candidate)
	}
	if n := len(one.failing.noted()); n != 3 {
		t.Errorf("%d of its visitors are noted for whom a class failed", n)
	}
	if again := one.compare.fresh(armCandidate); len(again) != 0 {
		t.Errorf("what has been looked at is new again: %+v", again)
	}
}

package fleet

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	agreed "realdocd/deploy/fleet"
	"realdocd/test/manual"
	"realdocd/test/stack"
)

// A campaign strikes a fleet with one fault after another.
type campaign struct {
	y    *yard
	rand *rand.Rand
	rows map[string]*result

	// Of the round that goes on.
	args []string // of the flip
	gone []span   // what is declared gone
}

// A result is what a fault has done, all times together.
type result struct {
	times, commits     int
	worst              time.Duration // two hosts disagreed
	recovery, again    time.Duration // all hosts were in step, and had flipped once more, after it was over
	requests, refused  int
	failed, unanswered int
}

func (g *campaign) must(err error) {
	g.y.t.Helper()
	g.y.must(err)
}

// phases are when a fault strikes; "" is at any moment. What is between the promises and the commit is short, and
// all depends on it: it is struck most often.
var phases = []string{agreed.PhasePrepare, agreed.PhaseClock, agreed.PhasePromise, promising, promising, committed, ""}

// promised is what is promised of a fleet.
var promised = limits{
	// A host that says that it is not ready is heard within a probe or two.
	disagree: agreed.DoubtAfter + 250*ms,
	unseen:   5 * time.Second,
}

const (
	commandLimit = 90 * time.Second // a command ends within this time, whatever happens
	holdLimit    = 12 * time.Second // a fault lasts for at most so long after it struck
)

// round strikes once, while a flip goes on, and sees that all are in step again.
func (g *campaign) round(f fault) {
	y := g.y
	y.t.Helper()
	phase := phases[g.rand.IntN(len(phases))]
	late, hold := time.Duration(g.rand.Int64N(int64(time.Second))), g.hold()
	slow := func() {}
	if g.rand.IntN(3) == 0 {
		slow = g.slow()
	}
	release := y.build()
	var mend func()
	var c *command
	g.args, g.gone = nil, nil
	if f.before {
		phase = "before"
		mend = f.strike(g, nil)
		c = y.operator.flip(release, g.args...)
	} else {
		c = y.operator.flip(release)
		g.await(c, release, phase, late)
		mend = f.strike(g, c)
	}
	struck := y.now()
	y.t.Logf("%v: %s, at %q of the flip to release %s (+%v), for %v", struck.Round(ms), f.name, phase, release, late.Round(ms), hold.Round(ms))
	if f.want != nil && !c.ended(commandLimit) {
		y.t.Errorf("%s: the flip to release %s does not end", f.name, release)
	}
	pause(context.Background(), hold-(y.now()-struck))
	mend()
	slow()
	mended := y.now()
	if !c.ended(commandLimit) {
		y.t.Errorf("%s: the flip to release %s does not end", f.name, release)
		c.kill()
	}
	now := g.committed()
	y.t.Logf("%v: mended; the flip ended with %d: %.300s; committed is release %s", mended.Round(ms), c.code, c.said(), now.Release)
	did := now.Release == release || y.spy.reached(release, committed)
	if c.code == 0 && !did {
		y.t.Errorf("%s: the command says that the flip to release %s is done, and committed is %s", f.name, release, now.Release)
	}
	if f.want != nil {
		if wrong := f.want(g, c, did); wrong != "" {
			y.t.Errorf("%s: %s", f.name, wrong)
		}
	}
	y.settles(now.Release)
	y.seer.note(func(seen *history) {
		for _, gone := range g.gone {
			gone.to = y.now()
			seen.gone = append(seen.gone, gone)
		}
	})
	pause(context.Background(), 3*y.seer.pace.probe) // what comes just after it is seen too
	recovered, ok := y.seer.history().inStepAt(now.Release, mended)
	if !ok {
		recovered = y.now()
	}
	y.flips() // nothing is stuck
	g.add(f, did, recovered-mended, y.now()-mended)
}

// slow has the words of one host take longer while a fault strikes, so that each phase lasts: others have promised,
// and wait for it.
func (g *campaign) slow() (mend func()) {
	h := g.host()
	by := time.Duration(50+g.rand.IntN(200)) * ms
	g.y.t.Logf("%v: the words of %s take %v longer", g.y.now().Round(ms), h.name, by)
	g.must(h.store.Worsen(stack.Trouble{Delay: by}))
	return func() { g.must(h.store.Mend()) }
}

// hold is how long a fault lasts: mostly long enough for doubts.
func (g *campaign) hold() time.Duration {
	if g.rand.IntN(3) == 0 {
		return time.Duration(g.rand.Int64N(int64(time.Second)))
	}
	return time.Duration(g.rand.Int64N(int64(holdLimit)))
}

// await waits until the flip has come to a phase, or for some time if that is "". It may end before.
func (g *campaign) await(c *command, release, phase string, late time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-c.done
		cancel()
	}()
	if phase == "" {
		pause(ctx, late)
		return
	}
	g.y.spy.wait(ctx, func() bool { return g.y.spy.reachedLocked(release, phase) })
}

// committed is what is, as soon as somebody can say.
func (g *campaign) committed() (now agreed.Commit) {
	g.y.t.Helper()
	for until := g.y.now() + settleLimit; ; {
		if now, ok := g.y.spy.committed(); ok {
			return now
		}
		if g.y.now() > until {
			g.y.t.Fatalf("nobody can say what is committed")
		}
	}
}

// add judges what was seen during a round.
func (g *campaign) add(f fault, did bool, recovery, again time.Duration) {
	y := g.y
	y.t.Helper()
	v := y.seer.turn().judge(promised)
	for _, broken := range v.broken {
		y.t.Errorf("%s: %s", f.name, broken)
	}
	row := g.rows[f.name]
	if row == nil {
		row = &result{}
		g.rows[f.name] = row
	}
	row.times++
	if did {
		row.commits++
	}
	row.worst, row.recovery, row.again = max(row.worst, v.worst), max(row.recovery, recovery), max(row.again, again)
	row.requests, row.refused, row.failed, row.unanswered = row.requests+v.requests, row.refused+v.refused, row.failed+v.failed, row.unanswered+v.down
	y.t.Logf("%v: all were in step %v after it, and had flipped again %v after it; %d requests, %d refused, %d failed, %d while realdocd was dead; two hosts disagreed for at most %v",
		y.now().Round(ms), recovery.Round(ms), again.Round(ms), v.requests, v.refused, v.failed, v.down, v.worst.Round(ms))
}

// number is a variable of the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%q is not a number", name, text)
	}
	return n
}

// seeded is SEED, or a new one.
func seeded(t *testing.T) uint64 {
	t.Helper()
	return uint64(number(t, "SEED", rand.IntN(1_000_000)))
}

// long says whether there is time: FLEET_RUNS is set.
func long() bool { return os.Getenv("FLEET_RUNS") != "" }

// TestFleet_StandsFaults has one fault after another strike a fleet whose hosts are asked all the time.
func TestFleet_StandsFaults(t *testing.T) {
	seed := seeded(t)
	rounds := number(t, "FLEET_RUNS", 0)
	hosts := number(t, "FLEET_HOSTS", min(8, 4+rounds))
	t.Logf("SEED=%d FLEET_HOSTS=%d FLEET_RUNS=%d", seed, hosts, rounds)
	y := openFleet(t, hosts, pace{ask: 25 * ms, probe: 50 * ms})
	g := &campaign{y: y, rand: rand.New(rand.NewPCG(seed, 0)), rows: map[string]*result{}}
	y.seer.turn() // hosts that start know nothing yet
	kinds := only(os.Getenv("FLEET_FAULT"))
	enough := time.Now().Add(shortCampaign)
	for round := 0; round < rounds || rounds == 0 && time.Now().Before(enough); round++ {
		for _, i := range g.rand.Perm(len(kinds)) {
			g.round(kinds[i])
			if t.Failed() && os.Getenv("FLEET_ON") == "" {
				t.Fatalf("SEED=%d: stopped at the first fault that was not stood", seed)
			}
			if rounds == 0 && time.Now().After(enough) {
				break
			}
		}
	}
	y.flips()
	g.writes()
	for _, name := range slices.Sorted(maps.Keys(g.rows)) {
		t.Logf("%s: %+v", name, *g.rows[name])
	}
}

// shortCampaign is how long a run lasts that is not asked to be long.
const shortCampaign = 20 * time.Second

// only are the faults of one name; "" are all.
func only(name string) []fault {
	if name == "" {
		return faults
	}
	return slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.name != name })
}

// writes has the manual say what the campaign has seen. Another one sees other figures.
func (g *campaign) writes() {
	if !manual.Writes() || len(g.rows) < len(faults) {
		return
	}
	rows := [][]string{{"Fault", "flipped", "apart", "in step", "flips", "refused", "failed"}}
	for _, f := range faults {
		r := g.rows[f.name]
		rows = append(rows, []string{
			f.name, fmt.Sprintf("%d of %d", r.commits, r.times), short(r.worst), short(r.recovery), short(r.again), fmt.Sprint(r.refused), fmt.Sprint(r.failed),
		})
	}
	part("faults").Compare(g.y.t, manual.Drawn(rows))
}

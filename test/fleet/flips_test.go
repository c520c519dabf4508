package fleet

import (
	"context"
	"fmt"
	"testing"
	"time"

	agreed "realdocd/deploy/fleet"
	"realdocd/test/manual"
)

// TestFleet_FlipsAllHostsAtOnce flips again and again while all hosts are asked, and measures how far apart their first
// requests on a new release are. While a flip is committed they are asked more often, so that the figure is
// of the flip and not of the clients.
func TestFleet_FlipsAllHostsAtOnce(t *testing.T) {
	hosts, flips := 4, 20
	if long() {
		hosts, flips = number(t, "FLEET_HOSTS", 16), number(t, "FLEET_FLIPS", 200)
	}
	// Two processors do not carry more than some thousand requests a second, and hosts that wait for a processor flip late.
	y := openFleet(t, hosts, pace{ask: 50 * ms, rush: time.Duration(hosts) * ms / 3, probe: 250 * ms})
	y.seer.turn()
	var seen, renamed, late times
	requests := 0
	for range flips {
		release := y.build()
		y.rushes(release)
		c := y.operator.flip(release)
		if !c.ended(commandLimit) || c.code != 0 {
			t.Fatalf("the flip to release %s ended with %d: %s", release, c.code, c.said())
		}
		y.settles(release)
		h := y.seer.turn()
		v := h.judge(promised)
		for _, broken := range v.broken {
			t.Error(broken)
		}
		requests += v.requests
		s := h.spreadOf(release)
		if len(s.missing) > 0 {
			t.Errorf("release %s was not seen on the hosts %v", release, s.missing)
		}
		seen = append(seen, s.took())
		if apart, by, ok := y.spy.renames(release, hosts); ok {
			renamed, late = append(renamed, apart), append(late, by...)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d flips of %d hosts, %d requests", flips, hosts, requests)
	t.Logf("from the first to the last host's first request: %v", seen)
	t.Logf("from the first to the last host's rename: %v (of %d flips)", renamed, len(renamed))
	t.Logf("from the instant to a host's rename: %v", late)
	if len(renamed) < flips*9/10 {
		t.Errorf("only of %d flips is known when the hosts renamed", len(renamed))
	}
	if !long() {
		if seen.at(0.5) > 500*ms {
			t.Errorf("hosts flip %v apart", seen)
		}
		return
	}
	if !manual.Writes() {
		return
	}
	part("flips").Compare(t, manual.Columns([][]string{
		{fmt.Sprintf("%d flips, %d hosts", flips, hosts), "p50", "p99", "longest", "wanted"},
		append(append([]string{"first requests of the first and the last host"}, seen.cells()...), wanted(seen)),
		append(append([]string{"renames of the first and the last host"}, renamed.cells()...), wanted(renamed)),
		append(append([]string{"the instant and a host's rename"}, late.cells()...), ""),
	}))
}

// wanted is what is wanted of how far apart hosts are, and whether it is so.
func wanted(apart times) string {
	const most = 10 * ms
	if apart.at(0.99) > most {
		return fmt.Sprintf("p99 of %v: short", most)
	}
	return fmt.Sprintf("p99 of %v", most)
}

// rushes has all hosts asked as often as can be from just before the instant of a flip on, until all have flipped. It
// begins no sooner, so that what the clients need of the processors is not in the way of the flip.
func (y *yard) rushes(release string) {
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	y.t.Cleanup(cancel)
	go func() {
		defer cancel()
		if y.spy.wait(ctx, func() bool { return y.spy.reachedLocked(release, committed) }) {
			pause(ctx, time.Until(y.spy.commitOf(release).At)-y.seer.pace.rush)
			y.seer.rushFor(rush)
		}
	}()
}

// rush is how long hosts take to flip, and more.
const rush = 80 * ms

// commitOf is the commit that has a release go live.
func (s *spy) commitOf(release string) (c agreed.Commit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c = range s.commits {
		if c.Release == release {
			return c
		}
	}
	return agreed.Commit{}
}

// renames says how far apart the hosts renamed their links, and how late each one was, by what they say
// themselves; all of their clocks are this machine's. ok is false as long as not all have said it.
func (s *spy) renames(release string, hosts int) (apart time.Duration, late []time.Duration, ok bool) {
	c := s.commitOf(release)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if !s.wait(ctx, func() bool { return len(s.have[c.Seq]) >= hosts }) {
		return 0, nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var first, last time.Time
	for _, have := range s.have[c.Seq] {
		if first.IsZero() || have.Applied.Before(first) {
			first = have.Applied
		}
		if have.Applied.After(last) {
			last = have.Applied
		}
		late = append(late, have.Late)
	}
	return last.Sub(first), late, true
}

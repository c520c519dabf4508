package fleet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ClocksAgree is how far the clocks of two hosts may be apart for a flip at an instant. If they
// are further apart, hosts that flip when they hear of it are closer together.
const ClocksAgree = 5 * time.Millisecond

// ClocksUnsure is how far clocks may seem to be apart if nothing proves it. What delays their readings on hosts that are
// busy would delay flips by arrival as much.
const ClocksUnsure = 100 * time.Millisecond

const (
	// Hosts are asked at least and at most so often what their clock reads. More than the least are for those
	// who do not agree yet, as long as that takes no longer than clockPatience.
	clockRounds, clockRoundsMost = 3, 12
	clockPatience                = 500 * time.Millisecond
	// An instant is at least and at most so far ahead.
	minAhead, maxAhead = 100 * time.Millisecond, time.Second
)

// clocks is what is known of the hosts' clocks from some rounds. In each round all hosts are shown the same
// change of the store, and answer what their clock read when they saw it.
type clocks struct {
	rounds []clockRound
}

// A clockRound has when the change was sent, by the command's clock, and each host's reading.
type clockRound struct {
	sent     time.Time
	readings map[string]reading
}

// A reading is what a host's clock read, and when the command had the answer.
type reading struct{ clock, received time.Time }

// An interval is how far a host's clock may be ahead of the command's: not less than least, nor more than
// most.
type interval struct{ least, most time.Duration }

// of gives what is certain of a host's clock. It was read after the change was sent and before the answer
// was there, in each round.
func (c *clocks) of(host string) (i interval, ok bool) {
	for _, r := range c.rounds {
		read, there := r.readings[host]
		if !there {
			continue
		}
		least, most := read.clock.Sub(read.received), read.clock.Sub(r.sent)
		if ok {
			least, most = max(least, i.least), min(most, i.most)
		}
		i, ok = interval{least, most}, true
	}
	return i, ok
}

// apart estimates how far each host's clock is from those of the others. All hosts are shown the same change
// at the same time, and whatever keeps one from reading its clock, a busy processor as a rule, makes the reading
// later and never earlier: the earliest of several rounds is the nearest.
func (c *clocks) apart() map[string]time.Duration {
	apart := map[string]time.Duration{}
	for _, r := range c.rounds {
		for host, read := range r.readings {
			after := read.clock.Sub(r.sent)
			if least, known := apart[host]; !known || after < least {
				apart[host] = after
			}
		}
	}
	middle := middleOf(slices.Collect(maps.Values(apart)))
	for host := range apart {
		apart[host] -= middle
	}
	return apart
}

// enough says whether another round would change nothing.
func (c *clocks) enough(hosts []string, took time.Duration) bool {
	n := len(c.rounds)
	return n >= clockRoundsMost || n >= clockRounds && (took > clockPatience || c.disagree(hosts) == "")
}

func middleOf(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

// spread is how far the two are apart that are furthest.
func spread(apart map[string]time.Duration) time.Duration {
	var least, most time.Duration
	first := true
	for _, d := range apart {
		if first {
			least, most, first = d, d, false
		}
		least, most = min(least, d), max(most, d)
	}
	return most - least
}

// A Clock is what a command found of a host's clock.
type Clock struct {
	Host string
	// Apart is how far it is ahead of most others, and behind them if it is below 0.
	Apart time.Duration
	// Least and Most bound how far it is ahead of the command's clock.
	Least, Most time.Duration
}

// all gives the clocks of the hosts that have answered, the one furthest from the others first.
func (c *clocks) all() []Clock {
	var all []Clock
	for host, d := range c.apart() {
		i, _ := c.of(host)
		all = append(all, Clock{host, d, i.least, i.most})
	}
	slices.SortFunc(all, func(a, b Clock) int {
		return cmp.Or(cmp.Compare(b.Apart.Abs(), a.Apart.Abs()), cmp.Compare(a.Host, b.Host))
	})
	return all
}

// disagree says why the hosts cannot flip at an instant, by whose clock; "" if they can.
func (c *clocks) disagree(hosts []string) string {
	apart := c.apart()
	for _, host := range hosts {
		if _, ok := apart[host]; !ok {
			return host + " has not said what its clock reads"
		}
	}
	apartBy, proved := spread(apart), c.provedApart(hosts) > ClocksAgree
	if apartBy <= ClocksAgree || !proved && apartBy <= ClocksUnsure {
		return ""
	}
	far := c.all()[0]
	if !proved {
		return fmt.Sprintf("%s hears of changes %v later than others do, so that it is not known whether its clock agrees with theirs", far.Host, far.Apart.Abs().Round(time.Millisecond/10))
	}
	side := "ahead of"
	if far.Apart < 0 {
		side = "behind"
	}
	return fmt.Sprintf("the clock of %s is %v %s the others", far.Host, far.Apart.Abs().Round(time.Millisecond/10), side)
}

// provedApart is how far two clocks are apart at least, whatever has kept their hosts from answering.
func (c *clocks) provedApart(hosts []string) time.Duration {
	var least, most time.Duration // the one that is certainly furthest ahead, and the one furthest behind
	for n, host := range hosts {
		i, _ := c.of(host)
		if n == 0 || i.least > least {
			least = i.least
		}
		if n == 0 || i.most < most {
			most = i.most
		}
	}
	return least - most
}

// instant is when the hosts flip, by their clocks, if they are told now: twice as far ahead as the slowest
// host's answer took to come back in the middle one of the rounds, so that all have heard of it before. Nobody waits for it
// but the command.
func (c *clocks) instant(now time.Time) time.Time {
	var took []time.Duration
	ahead, first := time.Duration(0), true
	for _, r := range c.rounds {
		var slowest time.Duration
		for host, read := range r.readings {
			slowest = max(slowest, read.received.Sub(r.sent))
			if i, _ := c.of(host); first || i.most > ahead {
				ahead, first = i.most, false
			}
		}
		took = append(took, slowest)
	}
	return now.Add(ahead + min(max(2*middleOf(took), minAhead), maxAhead))
}

package fleet

import (
	"strings"
	"testing"
	"time"
)

// rounds makes clocks of rounds in which the command's change was sent at 0, hosts saw it after seen, in milliseconds, and
// the answers were there after 10 ms.
func rounds(offset map[string]time.Duration, seen ...map[string]float64) clocks {
	var c clocks
	sent := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, after := range seen {
		r := clockRound{sent, map[string]reading{}}
		for host, ms := range after {
			at := sent.Add(time.Duration(ms * float64(time.Millisecond)))
			r.readings[host] = reading{at.Add(offset[host]), sent.Add(max(10*time.Millisecond, at.Sub(sent)))}
		}
		c.rounds = append(c.rounds, r)
		sent = sent.Add(time.Minute)
	}
	return c
}

func TestClocksOfHostsAgreeOrOneIsNamed(t *testing.T) {
	quick := map[string]float64{"a": 2, "b": 2.5, "c": 3}
	for _, tt := range []struct {
		name   string
		offset map[string]time.Duration
		seen   []map[string]float64
		want   string // "" is that they agree
	}{
		{"equal clocks", nil, []map[string]float64{quick, quick, quick}, ""},
		{"all of them far from the command's", map[string]time.Duration{"a": time.Hour, "b": time.Hour, "c": time.Hour}, []map[string]float64{quick, quick, quick}, ""},
		{"one ahead", map[string]time.Duration{"b": 2 * time.Second}, []map[string]float64{quick, quick, quick}, "the clock of b is 1.9995s ahead of the others"},
		{"one behind", map[string]time.Duration{"c": -40 * time.Millisecond}, []map[string]float64{quick, quick, quick}, "the clock of c is 39ms behind the others"},
		{"one that was slow once", nil, []map[string]float64{quick, {"a": 2, "b": 900, "c": 3}, quick}, ""},
		{"each of them slow in most rounds", nil, []map[string]float64{{"a": 2, "b": 30, "c": 60}, {"a": 80, "b": 3, "c": 20}, {"a": 9, "b": 40, "c": 4}}, ""},
		{"one ahead, and slow in most rounds", map[string]time.Duration{"b": 20 * time.Millisecond}, []map[string]float64{{"a": 2, "b": 30, "c": 3}, {"a": 3, "b": 2, "c": 20}, quick}, "the clock of b is 19ms ahead of the others"},
		{"one that is always slow", nil, []map[string]float64{{"a": 2, "b": 90, "c": 3}, {"a": 2, "b": 80, "c": 3}}, ""},
		{"one that is always very slow", nil, []map[string]float64{{"a": 2, "b": 300, "c": 3}}, "b hears of changes 297ms later than others do, so that it is not known whether its clock agrees with theirs"},
		{"one that has not answered", nil, []map[string]float64{{"a": 2, "c": 2}}, "b has not said what its clock reads"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := rounds(tt.offset, tt.seen...)
			if got := c.disagree([]string{"a", "b", "c"}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestClocksAreAskedAgainWhileTheyDoNotAgree(t *testing.T) {
	hosts := []string{"a", "b"}
	quick, slow := map[string]float64{"a": 2, "b": 2}, map[string]float64{"a": 2, "b": 300}
	again := func(n int, round map[string]float64) (all []map[string]float64) {
		for range n {
			all = append(all, round)
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		seen   []map[string]float64
		took   time.Duration
		enough bool
	}{
		{"they agree, and were asked less than three times", again(2, quick), 0, false},
		{"they agree", again(3, quick), 0, true},
		{"they do not agree", again(3, slow), 0, false},
		{"they do not agree, and that has taken long", again(3, slow), time.Second, true},
		{"they do not agree after many rounds", again(12, slow), 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if c := rounds(nil, tt.seen...); c.enough(hosts, tt.took) != tt.enough {
				t.Errorf("enough is %v", !tt.enough)
			}
		})
	}
}

func TestTheClockOfAHostIsCertainlyWithinWhatEachRoundSays(t *testing.T) {
	c := rounds(map[string]time.Duration{"a": time.Second}, map[string]float64{"a": 1}, map[string]float64{"a": 9}, map[string]float64{"a": 5})
	i, ok := c.of("a")
	// It is seen after 1 ms at the earliest, and 1 ms before the answer at the latest.
	if want := (interval{time.Second - time.Millisecond, time.Second + time.Millisecond}); !ok || i != want {
		t.Errorf("got %v (%v), want %v", i, ok, want)
	}
	if _, ok := c.of("b"); ok {
		t.Error("b has never answered, and has a clock")
	}
}

func TestTheInstantIsAheadForTheHostWhoseClockIsFurthestAhead(t *testing.T) {
	now := time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC)
	quick := map[string]float64{"a": 2, "b": 2}
	for _, tt := range []struct {
		name        string
		offset      time.Duration
		least, most time.Duration
	}{
		{"equal clocks", 0, minAhead, minAhead + 20*time.Millisecond},
		{"hosts ahead of the command", 3 * time.Second, 3*time.Second + minAhead, 3*time.Second + minAhead + 20*time.Millisecond},
		{"hosts behind the command", -3 * time.Second, -3*time.Second + minAhead, -3*time.Second + minAhead + 20*time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := rounds(map[string]time.Duration{"a": tt.offset, "b": tt.offset}, quick, quick, quick)
			if ahead := c.instant(now).Sub(now); ahead < tt.least || ahead > tt.most {
				t.Errorf("it is %v ahead, want %v to %v", ahead, tt.least, tt.most)
			}
		})
	}
}

func TestAnInstantIsNeverFarAhead(t *testing.T) {
	c := clocks{[]clockRound{{time.Time{}, map[string]reading{"a": {time.Time{}, time.Time{}.Add(time.Minute)}}}}}
	if now := time.Now(); c.instant(now).Sub(now) > maxAhead {
		t.Errorf("it is %v ahead", c.instant(now).Sub(now))
	}
	if !strings.Contains(maxAhead.String(), "1s") {
		t.Error("the manual says a second")
	}
}

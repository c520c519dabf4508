package fleet

import (
	"fmt"
	"slices"
	"time"
)

// A moment is the time since the run began, by the one clock that all of them have who watch.
type moment = time.Duration

// A history is what those saw who used a fleet: nothing in it comes from a log, or from what a host says of
// itself but for its /readyz.
type history struct {
	hosts    int
	answers  []answer
	probes   []probe
	commits  []commit
	attempts []attempt
	downs    []span // a host's daemon had been ended by somebody who wanted it so
	gone     []span // a host was declared gone by the operator
	from, to moment // what is judged
}

// An answer is what a client got for one request.
type answer struct {
	host       int
	begin, end moment
	status     int    // 0 is none
	release    string // that the page belongs to
	torn       string // what else the page had; "" if nothing
	retryAfter bool
	err        string
}

// A probe is what a load balancer heard of /readyz.
type probe struct {
	host       int
	begin, end moment
	ready      bool
}

// A commit is one that the store had.
type commit struct {
	seq     int64
	release string
	begin   moment // it was not there before
	known   moment // it was there
}

// An attempt is a flip that was begun, whatever became of it.
type attempt struct {
	release string
	begin   moment
}

type span struct {
	host     int
	from, to moment
}

func (s span) overlaps(host int, from, to moment) bool {
	return s.host == host && s.from <= to && from <= s.to
}

func overlap(spans []span, host int, from, to moment) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.overlaps(host, from, to) })
}

// limits are what is promised.
type limits struct {
	disagree time.Duration // two hosts that say that they are ready serve different commits for at most so long
	unseen   time.Duration // a host is looked at that often: what is seen less often proves nothing
}

// A verdict is what a history shows.
type verdict struct {
	broken   []string // promises that were
	requests int
	failed   int           // requests that should have been answered
	refused  int           // by a host that said that it was not ready
	down     int           // of a host whose daemon had been killed
	worst    time.Duration // the longest time that two hosts disagreed while both said that they were ready
	pair     [2]int
}

// judge holds a history against what is promised.
func (h *history) judge(l limits) *verdict {
	v := &verdict{}
	h.sort()
	h.judgeAnswers(v)
	h.judgeAgreement(v, l)
	h.judgeFreshness(v, l)
	h.judgeOrder(v)
	h.judgeSight(v, l)
	return v
}

// brokenExamples are how many breaches of one kind are told in full.
const brokenExamples = 5

// breaks tells of a promise that is broken.
func (v *verdict) breaks(kind int, format string, args ...any) (next int) {
	if kind < brokenExamples {
		v.broken = append(v.broken, fmt.Sprintf(format, args...))
	}
	return kind + 1
}

func (h *history) sort() {
	slices.SortStableFunc(h.answers, func(a, b answer) int { return int(a.end - b.end) })
	slices.SortStableFunc(h.probes, func(a, b probe) int { return int(a.end - b.end) })
	slices.SortStableFunc(h.commits, func(a, b commit) int { return int(a.seq - b.seq) })
}

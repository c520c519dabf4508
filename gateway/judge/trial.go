package judge

import (
	"fmt"
	"math"
	"time"
)

// A Rule says what is worse.
type Rule struct {
	// Alpha bounds the probability that a release that is no worse is ever said to be,
	// over the whole trial, however often it is looked at.
	Alpha float64
	// Tolerance is how many tenths longer, one on the other, the candidate may take.
	Tolerance int
}

// Canary is the rule for two releases that serve at the same time, and Bake that for one
// that is compared with what another did before.
var (
	Canary = Rule{Alpha: 0.01, Tolerance: 1}
	Bake   = Rule{Alpha: 0.01, Tolerance: 3}
)

// quantiles are above what a request is slow.
var quantiles = []float64{0.5, 0.75, 0.9, 0.95}

// leastTimed is how many times of a class the live release needs to have shown before
// others are compared with them.
const leastTimed = 30

// A Pair is what both releases did for one class in the same while, and on the same host if there
// are several: From names it.
type Pair struct {
	Class, From     string
	Live, Candidate Sample
}

// A Trial compares a candidate with the live release. One goroutine uses it.
type Trial struct {
	rule     Rule
	classes  []*trialClass
	byName   map[string]int
	failures *bets
	slow     []*bets // by quantile
	ended    *Verdict
}

// A trialClass is what is known of a class from all blocks up to now.
type trialClass struct {
	name            string
	live, candidate Sample
	waiting         map[string]*Pair // by From, those that had only one side yet
}

// NewTrial begins one.
func NewTrial(rule Rule) *Trial {
	t := &Trial{rule: rule, byName: map[string]int{}, failures: newBets(failureSizes)}
	for range quantiles {
		t.slow = append(t.slow, newBets(slowSizes))
	}
	return t
}

// class is the index of a class by its name. If there are too many it is Other's.
func (t *Trial) class(name string) int {
	if at, ok := t.byName[name]; ok {
		return at
	}
	if len(t.classes) >= MaxClasses-1 && name != Other {
		return t.class(Other)
	}
	at := len(t.classes)
	t.byName[name] = at
	t.classes = append(t.classes, &trialClass{name: name, waiting: map[string]*Pair{}})
	return at
}

// Add compares one more block: what both did in the same while, a pair for each class, or for
// each class and host. A pair of which one side has nothing waits for the next block.
func (t *Trial) Add(pairs []Pair) {
	for i := range pairs {
		at, from := t.class(pairs[i].Class), pairs[i].From
		w := t.classes[at].waiting[from]
		if w == nil {
			w = &Pair{}
			t.classes[at].waiting[from] = w
		}
		w.Live.Add(&pairs[i].Live)
		w.Candidate.Add(&pairs[i].Candidate)
		if w.Live.Requests > 0 && w.Candidate.Requests > 0 {
			t.compare(at, w)
			delete(t.classes[at].waiting, from)
		}
	}
}

// compare bets on a pair, by what was known before it, and knows it then.
func (t *Trial) compare(at int, p *Pair) {
	c := t.classes[at]
	t.failures.bet(at, t.failureRate(c), block{
		float64(p.Live.Requests), float64(p.Live.Failed), float64(p.Candidate.Requests), float64(p.Candidate.Failed),
	})
	if known := c.live.timed(); known >= leastTimed {
		for i, share := range quantiles {
			limit := c.live.quantile(share)
			rate := (float64(c.live.above(limit)) + 1) / (float64(known) + 2)
			t.slow[i].bet(at, rate, block{
				float64(p.Live.timed()), float64(p.Live.above(limit)),
				float64(p.Candidate.timed()), float64(p.Candidate.above(limit + t.rule.Tolerance)),
			})
		}
	}
	c.live.Add(&p.Live)
	c.candidate.Add(&p.Candidate)
}

// failureRate is how often requests of a class fail on the live release, as far as is
// known: a class with few requests is taken to be like the others.
func (t *Trial) failureRate(c *trialClass) float64 {
	const weight = 50
	live, _ := t.sums()
	overall := (float64(live.Failed) + 0.1) / (float64(live.Requests) + weight)
	return (float64(c.live.Failed) + weight*overall) / (float64(c.live.Requests) + weight)
}

// sums are all classes together.
func (t *Trial) sums() (live, candidate Sample) {
	for _, c := range t.classes {
		live.Requests += c.live.Requests
		live.Failed += c.live.Failed
		candidate.Requests += c.candidate.Requests
		candidate.Failed += c.candidate.Failed
	}
	return live, candidate
}

// Know has the trial know what the live release did before, without a bet: how often what
// fails, and what time is usual.
func (t *Trial) Know(class string, before Sample) {
	t.classes[t.class(class)].live.Add(&before)
}

// A Side is what one release did in a trial, all classes together or one.
type Side struct {
	Requests uint32 `json:"requests"`
	Failed   uint32 `json:"failed"`
	// Median is the time in PHP that one half of the requests did not exceed, in
	// seconds; 0 if it is not known.
	Median float64 `json:"median_seconds"`
}

// A Verdict is what a trial has come to.
type Verdict struct {
	// Worse says that the candidate is worse, by Of: "failures" or "time".
	Worse bool   `json:"worse"`
	Of    string `json:"of,omitempty"`
	// Chance bounds the probability that a candidate that is no worse would ever have
	// come to this: one in so many.
	Chance float64 `json:"chance_one_in"`
	// Live and Candidate are all that was compared, and Class what tells most of it
	// with its sides; "" before anything was worse.
	Live           Side   `json:"live"`
	Candidate      Side   `json:"candidate"`
	Class          string `json:"class,omitempty"`
	ClassLive      Side   `json:"class_live"`
	ClassCandidate Side   `json:"class_candidate"`
}

// Verdict is what the trial has come to up to now. Once a candidate is worse it stays so.
func (t *Trial) Verdict() Verdict {
	if t.ended != nil {
		return *t.ended
	}
	failures, failing := t.failures.log()
	slow, slowing := t.slowest()
	v := Verdict{Of: "failures"}
	log, worst := failures, failing
	if slow > failures {
		v.Of, log, worst = "time", slow, slowing
	}
	v.Chance = math.Exp(min(max(log, 0), 40)) / 2 // each of the two kinds has half of alpha
	v.Worse = v.Chance*t.rule.Alpha >= 1
	live, candidate := t.whole()
	v.Live, v.Candidate = sideOf(&live), sideOf(&candidate)
	if worst >= 0 {
		c := t.classes[worst]
		v.Class, v.ClassLive, v.ClassCandidate = c.name, sideOf(&c.live), sideOf(&c.candidate)
	}
	if !v.Worse {
		v.Of, v.Class, v.ClassLive, v.ClassCandidate = "", "", Side{}, Side{}
		return v
	}
	t.ended = &v
	return v
}

// slowest is the mean of the bets on time.
func (t *Trial) slowest() (log float64, worst int) {
	var logs []float64
	most := math.Inf(-1)
	worst = -1
	for _, b := range t.slow {
		l, at := b.log()
		logs = append(logs, l-math.Log(float64(len(t.slow))))
		if l > most {
			most, worst = l, at
		}
	}
	return logSum(logs), worst
}

func (t *Trial) whole() (live, candidate Sample) {
	for _, c := range t.classes {
		live.Add(&c.live)
		candidate.Add(&c.candidate)
	}
	return live, candidate
}

// Sides is the verdict without what it goes by: only what both releases did.
func (v Verdict) Sides() Verdict { return Verdict{Chance: 0.5, Live: v.Live, Candidate: v.Candidate} }

// String says what the verdict goes by.
func (v Verdict) String() string {
	text := fmt.Sprintf("%s on the release, %s on the one before", v.Candidate, v.Live)
	if v.Worse {
		text = fmt.Sprintf("it is worse by %s, and one that is as good would come to this once in %.0f trials at the most; most of it at %s: %s on the release, %s on the one before; in all %s",
			v.Of, v.Chance, v.Class, v.ClassCandidate, v.ClassLive, text)
	}
	return text
}

// String says what it did.
func (s Side) String() string {
	text := fmt.Sprintf("%d of %d requests failed", s.Failed, s.Requests)
	if s.Median > 0 {
		text += fmt.Sprintf(", median %.4g ms", s.Median*1000)
	}
	return text
}

func sideOf(s *Sample) Side {
	side := Side{Requests: s.Requests, Failed: s.Failed}
	if s.timed() > 0 {
		side.Median = TimeOf(s.quantile(0.5)).Round(100 * time.Microsecond).Seconds()
	}
	return side
}

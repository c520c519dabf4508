package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
)

// What a canary of many hosts asks of each of them, and what they say, in the Data of asks and answers.

// A trialAsked is what the command wants of a host.
type trialAsked struct {
	Number uint16        `json:"number"` // the same on all hosts, so that pins hold on all
	Began  time.Time     `json:"began"`
	Steps  []float64     `json:"steps"`
	Every  time.Duration `json:"every"`
	Step   int           `json:"step"` // the index of the one that goes on; -1 before the first
	Tell   time.Duration `json:"tell"` // how often it wants to hear
}

// A trialSaid is what a host says of its trial.
type trialSaid struct {
	Begun    bool   `json:"begun,omitempty"`
	Visitors int64  `json:"visitors,omitempty"`
	Figures  string `json:"figures,omitempty"`
	// Ended is why the trial is over on this host, such as "flip"; Why says it in words, or what is
	// wrong with a trial that goes on.
	Ended string `json:"ended,omitempty"`
	Why   string `json:"why,omitempty"`
}

// fleetTrials are those that go on on this host, by the ask.
type fleetTrials struct {
	mu  sync.Mutex // guards the following
	all map[string]*fleetTrial
}

// A fleetTrial is the trial of one ask. It outlives a call of Ask for linger, since each step of a
// canary is a call of its own. Its goroutine (run) ends with stop.
type fleetTrial struct {
	at     control.SiteAddress
	daemon *control.Client
	plan   control.Plan
	hash   string // of what is tried
	stop   context.CancelFunc

	mu   sync.Mutex // guards the following
	step int
	said trialSaid
	over *time.Timer
	// begin is closed when the daemon has begun, or has refused to (said.Ended is notTried).
	begin chan struct{}
	begun bool
}

// linger is how long a trial goes on that nobody asks for any more.
const linger = 2 * time.Second

// askTrial tries a release for as long as ctx goes on, and tells what that comes to.
func (h *fleetHost) askTrial(ctx context.Context, ask fleet.Ask, tell func(string)) (string, error) {
	var want trialAsked
	if err := json.Unmarshal([]byte(ask.Data), &want); err != nil || want.Tell <= 0 {
		return "", fmt.Errorf("what is asked is not understood: is realdocd of another version on the host of the command? %w", err)
	}
	t, err := h.trials.of(ask.ID, func() (*fleetTrial, error) { return h.beginTrial(ctx, ask, want) })
	if err != nil {
		return "", err
	}
	defer h.trials.left(ask.ID, t)
	t.wants(want.Step)
	select {
	case <-t.begin:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	tick := time.NewTicker(want.Tell)
	defer tick.Stop()
	for {
		data, said := t.data()
		if said.Ended == notTried {
			return "", fmt.Errorf("the daemon does not try it: %s", said.Why)
		}
		if said.Ended != "" {
			return data, nil
		}
		tell(data)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return data, ctx.Err()
		}
	}
}

// notTried is how a trial has ended that the daemon has not begun.
const notTried = "not tried"

// beginTrial has the release ready, as a flip has, and begins to try it.
func (h *fleetHost) beginTrial(ctx context.Context, ask fleet.Ask, want trialAsked) (*fleetTrial, error) {
	if _, err := h.Prepare(ctx, ask.Site, ask.Release, fleet.Preparation{}); err != nil {
		return nil, err
	}
	g, err := h.site(ask.Site, "canary")
	if err != nil {
		return nil, err
	}
	if err := h.reach(ctx, g); err != nil {
		return nil, err
	}
	if g.link, err = g.findLink(); err != nil {
		return nil, err
	}
	release, seen, err := g.fleetRelease(ask.Release)
	if err != nil {
		return nil, err
	}
	hash, err := h.frozen(ctx, g, g.link.root(release))
	if err != nil {
		return nil, err
	}
	if ask.Hash != "" && hash != ask.Hash {
		return nil, fmt.Errorf("release %s has another content here than on the other hosts: bring it again (realdocd fleet deploy)", ask.Release)
	}
	t := &fleetTrial{
		at: g.at, daemon: g.daemon, hash: hash, step: want.Step, begin: make(chan struct{}),
		plan: control.Plan{
			Kind: control.KindCanary, Release: seen, Steps: want.Steps, Every: want.Every, Fleet: true, Number: want.Number, Since: want.Began,
		},
	}
	if err := t.plan.Check(); err != nil {
		return nil, err
	}
	var within context.Context
	within, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	go t.run(within)
	return t, nil
}

// of is the trial of an ask; begin makes it if there is none.
func (ts *fleetTrials) of(id string, begin func() (*fleetTrial, error)) (*fleetTrial, error) {
	ts.mu.Lock()
	t := ts.all[id]
	if t != nil && t.over != nil {
		t.over.Stop()
		t.over = nil
	}
	ts.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := begin()
	if err != nil {
		return nil, err
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.all == nil {
		ts.all = map[string]*fleetTrial{}
	}
	ts.all[id] = t
	return t, nil
}

// has says whether a release is tried now with that content: it has been through before_flip then.
func (ts *fleetTrials) has(at control.SiteAddress, seen, hash string) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.all {
		if t.at == at && t.plan.Release == seen && t.hash == hash {
			return true
		}
	}
	return false
}

// left ends the trial of an ask, unless somebody asks for it again within a moment.
func (ts *fleetTrials) left(id string, t *fleetTrial) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t.over = time.AfterFunc(linger, func() {
		ts.mu.Lock()
		defer ts.mu.Unlock()
		if t.over != nil && ts.all[id] == t {
			delete(ts.all, id)
			t.stop()
		}
	})
}

// wants has the trial be in a step.
func (t *fleetTrial) wants(step int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.step = step
}

// run tries the release. A daemon that is restarted or upgraded goes on with it: what it counts begins
// anew then, as its figures say.
func (t *fleetTrial) run(ctx context.Context) {
	for ctx.Err() == nil {
		st, leave, err := t.daemon.Try(ctx, t.at, t.plan, func(st control.TrialStatus) { t.hear(ctx, st) })
		if st.Ended != "" {
			t.hear(ctx, st)
		}
		leave()
		if t.ends(ctx, st, err) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// ends says whether the trial is over for good.
func (t *fleetTrial) ends(ctx context.Context, st control.TrialStatus, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return true
	case !t.begun && err != nil:
		t.said.Ended, t.said.Why = notTried, err.Error()
		t.begun = true
		close(t.begin)
		return true
	case err != nil || st.Ended == "daemon" || st.Ended == "client":
		t.said.Why = "the daemon is away: " + st.Why
		if err != nil {
			t.said.Why = "the daemon is away: " + err.Error()
		}
		return false
	}
	return st.Ended != ""
}

// hear takes what the daemon says, and has it be in the step that is wanted.
func (t *fleetTrial) hear(ctx context.Context, st control.TrialStatus) {
	t.mu.Lock()
	t.said = trialSaid{Begun: true, Visitors: st.Visitors, Figures: st.Figures}
	if st.Ended != "" && st.Ended != "daemon" && st.Ended != "client" {
		t.said.Ended, t.said.Why = st.Ended, st.Why
	}
	step := t.step
	if !t.begun {
		t.begun = true
		close(t.begin)
	}
	t.mu.Unlock()
	if st.Ended == "" && step >= 0 && st.Step != step+1 {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		if _, err := t.daemon.StepTrial(ctx, t.at, t.plan.Number, step); err != nil {
			t.mu.Lock()
			t.said.Why = err.Error() // it is tried again in a second
			t.mu.Unlock()
		}
	}
}

// data is what is said, as answers have it.
func (t *fleetTrial) data() (string, trialSaid) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, err := json.Marshal(t.said)
	if err != nil {
		panic(err) // of plain values, it cannot fail
	}
	return string(text), t.said
}

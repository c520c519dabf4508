package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
	trials "realdocd/gateway/judge"
	"realdocd/gateway/pin"
)

// A fleetVerdict sums what the hosts of a canary say, and judges it. One goroutine uses it.
type fleetVerdict struct {
	*goFleet
	asking *fleet.Asking
	plan   control.Plan
	asked  trialAsked
	group  *trials.Group
	course *control.Course
	status control.TrialStatus
	show   func(control.TrialStatus)
	// By host: its count, and the visitors in it and in those before; and that it does not say
	// anything now.
	runs             map[string]uint64
	visitors, before map[string]int64
	away             map[string]bool
}

const (
	// tellEvery is how often a host says what it has, and tellEach is how much more seldom that is for
	// each host, so that a large group does not keep etcd busy.
	tellEvery = 2 * time.Second
	tellEach  = 20 * time.Millisecond
)

// canary tries a release on all hosts, and makes it live there if it is good.
func (g *goFleet) canary(ctx context.Context, f fleet.Flip, p control.Plan) error {
	g.outcome.Release = f.Release
	plan, err := g.Plan(ctx, f)
	if err == nil {
		err = g.wantOneKey(ctx, f.Site, plan.Take)
	}
	if err == nil && plan.Now != nil && plan.Now.Release == f.Release {
		err = fmt.Errorf("%s is committed already", f.Release)
	}
	if err != nil {
		return err
	}
	if g.dryRun {
		return g.do("canary", func() (string, error) {
			return fmt.Sprintf("would have %s try %s, and flip to it if it is good", control.Count(len(plan.Take), "host"), f.Release), nil
		})
	}
	v := &fleetVerdict{
		goFleet: g, plan: p, group: trials.NewGroup(trials.Canary), runs: map[string]uint64{}, visitors: map[string]int64{}, before: map[string]int64{}, away: map[string]bool{},
		asked: trialAsked{
			Number: uint16(1 + rand.IntN(1<<16-1)), Began: time.Now(), Steps: p.Steps, Every: p.Every, Step: -1,
			Tell: max(tellEvery, time.Duration(len(plan.Take))*tellEach),
		},
	}
	v.status = control.TrialStatus{Kind: p.Kind, Release: f.Release, Since: v.asked.Began, Fleet: true, Number: v.asked.Number, Steps: len(p.Steps)}
	if plan.Now != nil {
		v.status.Live = plan.Now.Release
	}
	g.outcome.Trial = &v.status
	ask := fleet.Ask{Kind: fleet.AskTrial, Site: f.Site, Release: f.Release, Hash: f.Hash, Only: plan.Take, Data: v.data()}
	if v.asking, err = g.Open(ctx, ask); err != nil {
		return err
	}
	defer v.asking.Close()
	if err := g.do("begin", func() (string, error) { return v.begin(ctx, f.Limit) }); err != nil {
		return err
	}
	if err := g.do("canary", func() (string, error) { return v.run(ctx) }); err != nil {
		return err
	}
	err = g.flip(ctx, f)
	if err == nil {
		v.status.Ended, v.status.Why = "flip", "the release has gone live"
	}
	return err
}

// wantOneKey wants the hosts to follow each other's pins: a visitor goes from one to the other.
func (g *goFleet) wantOneKey(ctx context.Context, site string, hosts []string) error {
	view, err := g.View(ctx, site)
	if err != nil {
		return err
	}
	keys := map[string]string{}
	for _, h := range view.Hosts {
		keys[h.Host] = h.Presence.PinKey
	}
	for _, host := range hosts {
		for _, other := range hosts {
			if !pin.Believes(keys[host], keys[other]) {
				return fmt.Errorf("%s does not follow the pins of %s, so that a visitor of both would go to and fro between the releases: copy the key file, see KEYS in realdocd-pins(7)", host, other)
			}
		}
	}
	return nil
}

// data is what is asked of the hosts now.
func (v *fleetVerdict) data() string {
	text, err := json.Marshal(v.asked)
	if err != nil {
		panic(err) // of plain values, it cannot fail
	}
	return string(text)
}

// begin has each host begin, with no visitor yet: one that comes to two hosts must find the trial on both.
func (v *fleetVerdict) begin(ctx context.Context, limit time.Duration) (string, error) {
	within, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not all hosts have begun within %s: see --timeout", limit))
	defer cancel()
	var answers map[string]fleet.Answer
	err := v.asking.Wait(within, func(now map[string]fleet.Answer, final bool) bool {
		answers = now
		begun := len(now) > 0
		for _, a := range now {
			said, _ := saidIn(a)
			begun = begun && said.Begun
			if !a.Going && !a.OK { // there is no need to wait for the others
				return true
			}
		}
		return final || begun && len(now) == len(v.asking.Hosts())
	})
	var wrongs []fleet.Wrong
	for _, w := range fleet.Failed(answers) {
		if a := answers[w.Host]; !a.Going {
			wrongs = append(wrongs, w)
		}
	}
	if len(wrongs) > 0 {
		return "", fmt.Errorf("not tried, and nothing has changed: %s", joined(byWhat(wrongs)))
	}
	return fmt.Sprintf("%s have the release ready", control.Count(len(answers), "host")), err
}

func joined(texts []string) string {
	text := ""
	for i, t := range texts {
		if i > 0 {
			text += "\n"
		}
		text += t
	}
	return text
}

func saidIn(a fleet.Answer) (said trialSaid, ok bool) {
	return said, a.Data != "" && json.Unmarshal([]byte(a.Data), &said) == nil
}

// run goes through the steps, and looks at the figures until the trial is over.
func (v *fleetVerdict) run(ctx context.Context) (string, error) {
	show, done := v.trialProgress()
	defer done()
	v.show = show
	v.course = control.NewCourse(&v.plan, 0, time.Now())
	if err := v.step(ctx, 0); err != nil {
		return "", err
	}
	for {
		answers, err := v.wait(ctx)
		if err != nil {
			return "", fmt.Errorf("the canary is over, and its visitors get the live release again: %w", err)
		}
		over, err := v.look(ctx, answers, time.Now())
		v.show(v.status)
		switch {
		case err != nil:
			return "", err
		case over && v.status.Ended == "good":
			return "good: " + v.status.Why, nil
		case over:
			return "", endedBy(v.status.Release, v.status)
		}
	}
}

// step begins a step on all hosts.
func (v *fleetVerdict) step(ctx context.Context, step int) error {
	v.asked.Step = step
	v.status.Step, v.status.Percent, v.status.StepEnds = step+1, v.plan.Steps[step], v.course.Ends()
	return v.asking.Update(ctx, v.data())
}

// wait waits until it is time to look, and gives what hosts have said. The error is that of a command that
// was interrupted, or whose ask may be gone.
func (v *fleetVerdict) wait(ctx context.Context) (answers map[string]fleet.Answer, err error) {
	within, cancel := context.WithTimeout(ctx, v.asked.Tell)
	defer cancel()
	err = v.asking.Wait(within, func(now map[string]fleet.Answer, _ bool) bool {
		answers = now
		return false
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return answers, nil
	}
	return answers, err
}

// look takes what hosts have said, and says whether the trial is over.
func (v *fleetVerdict) look(ctx context.Context, answers map[string]fleet.Answer, now time.Time) (over bool, err error) {
	there := 0
	for host, a := range answers {
		said, ok := saidIn(a)
		if f, err := trials.ParseFigures(said.Figures); ok && err == nil {
			v.group.Take(host, f)
			if run, known := v.runs[host]; known && run != f.Run {
				v.warn("%s counts anew, since its daemon or its agent was restarted, and what it has said stays", host)
				v.before[host] += v.visitors[host]
			}
			v.runs[host], v.visitors[host] = f.Run, said.Visitors
		}
		if said.Ended != "" {
			v.status.Ended, v.status.Why = said.Ended, host+": "+said.Why
			return true, nil
		}
		v.hears(host, a, said)
		if !v.away[host] {
			there++
		}
	}
	if there == 0 && len(answers) > 0 {
		v.status.Ended, v.status.Why = "client", "no host tries it any more"
		return true, nil
	}
	v.status.Verdict, v.status.Requests, v.status.Visitors = v.group.Look(), v.group.Requests(), 0
	for host, n := range v.visitors {
		v.status.Visitors += v.before[host] + n
	}
	if v.status.Verdict.Worse {
		v.status.Ended, v.status.Why = "worse", v.status.Verdict.String()
		return true, nil
	}
	switch v.course.Turn(now, v.status.Requests) {
	case control.TooFew:
		v.status.Ended, v.status.Why = "few", v.course.Few(v.status.Requests)
	case control.IsGood:
		v.status.Ended, v.status.Why = "good", v.status.Verdict.String()
	case control.NextStep:
		return false, v.step(ctx, v.course.Step())
	}
	return v.status.Ended != "", nil
}

// hears says of a host that it has gone, or come back. What it has said stays.
func (v *fleetVerdict) hears(host string, a fleet.Answer, said trialSaid) {
	why := said.Why
	if !a.Going {
		why = a.Why
	}
	away := why != ""
	if away && !v.away[host] {
		v.warn("%s does not count any more, and what it has said stays: %s", host, why)
	}
	v.away[host] = away
}

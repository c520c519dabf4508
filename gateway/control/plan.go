package control

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Plan says how a release is tried.
type Plan struct {
	Kind    string `json:"kind"`
	Release string `json:"release"`          // that is tried, a directory by its absolute path
	Before  string `json:"before,omitempty"` // of a bake: the release that was live before
	// Steps are the shares of new visitors that a canary gets one after the other, in
	// percent; each step takes at least Every, and until the release has had Least
	// requests. Of a bake, Every is how long it takes.
	Steps []float64     `json:"steps,omitempty"`
	Every time.Duration `json:"every"`
	Least int           `json:"least,omitempty"`
	// Manual leaves the verdict to an operator: the first step stays, for Every at the
	// most, and does not end with whoever has begun it.
	Manual bool `json:"manual,omitempty"`
	// Fleet leaves the verdict, and the steps, to whoever has begun it: he gets the figures of
	// this host with each status, and has those of others too. Nobody gets the release before he
	// begins the first step, by [Client.StepTrial].
	Fleet bool `json:"fleet,omitempty"`
	// Number is that of a trial that goes on in another process, or that other hosts have, and
	// Step where; 0 is a new one. Since is when it began there.
	Number uint16    `json:"number,omitempty"`
	Step   int       `json:"step,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// Check says what is wrong with a plan; nil if it can be begun.
func (p *Plan) Check() error {
	switch {
	case p.Kind != KindCanary && p.Kind != KindBake:
		return fmt.Errorf("kind: want %q or %q, not %q", KindCanary, KindBake, p.Kind)
	case !strings.HasPrefix(p.Release, "/"):
		return fmt.Errorf("release: want the absolute path of a directory, not %q", p.Release)
	case p.Kind == KindBake && !strings.HasPrefix(p.Before, "/"):
		return fmt.Errorf("before: want the absolute path of a directory, not %q", p.Before)
	case p.Every < time.Second || p.Every > 30*24*time.Hour:
		return fmt.Errorf("every: want a duration from 1s to 720h, not %s", p.Every)
	case p.Kind == KindBake:
		return nil
	case len(p.Steps) == 0 || len(p.Steps) > 20:
		return errors.New("steps: want one to twenty shares, such as 2,10,50")
	case p.Fleet && (p.Kind != KindCanary || p.Manual || p.Number == 0):
		return errors.New("fleet: only a canary with a number, which is not manual, can be of many hosts")
	case p.Step < 0 || p.Step >= len(p.Steps) || p.Least < 0:
		return errors.New("step and least: there is no such step, or fewer than no requests")
	}
	for i, share := range p.Steps { // which may be no number, as ParseFloat reads "NaN"
		if !(share >= 0.1 && share <= 100) || i > 0 && share <= p.Steps[i-1] {
			return errors.New("steps: want shares from 0.1 to 100 percent, each above the one before, such as 2,10,50")
		}
	}
	return nil
}

func (p *Plan) parameters() []string {
	var steps []string
	for _, share := range p.Steps {
		steps = append(steps, strconv.FormatFloat(share, 'f', -1, 64))
	}
	list := []string{"kind", p.Kind, "release", p.Release, "every", p.Every.String()}
	for _, more := range [][2]string{{"before", p.Before}, {"steps", strings.Join(steps, ",")}} {
		if more[1] != "" {
			list = append(list, more[:]...)
		}
	}
	for _, more := range []struct {
		name   string
		number int
	}{{"least", p.Least}, {"number", int(p.Number)}, {"step", p.Step}} {
		if more.number > 0 {
			list = append(list, more.name, strconv.Itoa(more.number))
		}
	}
	if p.Manual {
		list = append(list, "manual", "true")
	}
	if p.Fleet {
		list = append(list, "fleet", "true")
	}
	if !p.Since.IsZero() {
		list = append(list, "since", p.Since.UTC().Format(time.RFC3339Nano))
	}
	return list
}

// planOf reads the parameters of a plan.
func planOf(q map[string]string) (p Plan, err error) {
	p = Plan{Kind: q["kind"], Release: q["release"], Before: q["before"], Manual: q["manual"] == "true", Fleet: q["fleet"] == "true"}
	if p.Every, err = limitOf(q, "every"); err != nil {
		return p, err
	}
	for _, text := range strings.Split(q["steps"], ",") {
		if text == "" {
			continue
		}
		share, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return p, apiErrorf(http.StatusBadRequest, "steps: want shares such as 2,10,50, not %q", q["steps"])
		}
		p.Steps = append(p.Steps, share)
	}
	for name, into := range map[string]*int{"least": &p.Least, "step": &p.Step} {
		if q[name] == "" {
			continue
		}
		if *into, err = strconv.Atoi(q[name]); err != nil {
			return p, apiErrorf(http.StatusBadRequest, "%s: want a number, not %q", name, q[name])
		}
	}
	if q["number"] != "" {
		number, err := strconv.ParseUint(q["number"], 10, 16)
		if err != nil {
			return p, apiErrorf(http.StatusBadRequest, "number: want that of a trial, not %q", q["number"])
		}
		p.Number = uint16(number)
	}
	if q["since"] != "" {
		if p.Since, err = time.Parse(time.RFC3339Nano, q["since"]); err != nil {
			return p, apiErrorf(http.StatusBadRequest, "since: want a time such as 2026-11-27T08:30:00Z, not %q", q["since"])
		}
	}
	if err := p.Check(); err != nil {
		return p, apiErrorf(http.StatusBadRequest, "%w", err)
	}
	return p, nil
}

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"realdocd/gateway/judge"
)

// The kinds of trials. A canary gives a share of new visitors a release that is not live; a
// bake compares a release that went live a moment ago with what the one before did.
const (
	KindCanary = "canary"
	KindBake   = "bake"
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
	// Number is that of a trial that goes on in another process, and Step where; 0 is a
	// new one.
	Number uint16 `json:"number,omitempty"`
	Step   int    `json:"step,omitempty"`
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
	case p.Step < 0 || p.Step >= len(p.Steps) || p.Least < 0:
		return errors.New("step and least: there is no such step, or fewer than no requests")
	}
	for i, share := range p.Steps {
		if share < 0.1 || share > 100 || i > 0 && share <= p.Steps[i-1] {
			return errors.New("steps: want shares from 0.1 to 100 percent, each above the one before, such as 2,10,50")
		}
	}
	return nil
}

// A TrialStatus is a trial at one moment.
type TrialStatus struct {
	Kind    string `json:"kind"`
	Docroot string `json:"docroot"`
	// Release is the one that is tried, and Live what it is compared with, by their paths.
	Release string    `json:"release"`
	Live    string    `json:"live"`
	Since   time.Time `json:"since"`
	Manual  bool      `json:"manual,omitempty"`
	Number  uint16    `json:"number"`
	// Percent is the share of new visitors that get the release in the step of now, one of
	// Steps, which takes until StepEnds at least.
	Percent  float64   `json:"percent,omitempty"`
	Step     int       `json:"step,omitempty"`
	Steps    int       `json:"steps,omitempty"`
	StepEnds time.Time `json:"step_ends"`
	// Visitors are those that a draw has given the release, and Requests what the release
	// has had of theirs, or of all since it bakes.
	Visitors int64  `json:"visitors"`
	Requests uint64 `json:"requests"`
	// Verdict is what the figures say up to now.
	Verdict judge.Verdict `json:"verdict"`
	// Ended is "" while it goes on, else what ended it: "good", "worse", "few", "flip",
	// "operator", "time", "client" or "daemon"; Why says it in words.
	Ended string `json:"ended,omitempty"`
	Why   string `json:"why,omitempty"`
	// Moved is set when another process takes over: go on there.
	Moved bool `json:"moved,omitempty"`
}

// Try begins a trial, and gives tell its status every second, up to the one in which it
// has ended, which it returns. It goes on in another process that takes over. The trial is
// the caller's: he calls leave, which ends it if it has not ended. A canary that is good
// keeps its visitors until then, or until the release has gone live.
func (c *Client) Try(ctx context.Context, at SiteAddress, p Plan, tell func(TrialStatus)) (st TrialStatus, leave func(), err error) {
	leave = func() {}
	for {
		body, err := c.open(ctx, http.MethodPost, at.path("/try", p.parameters()...))
		leave() // the process before
		if err != nil {
			return TrialStatus{}, func() {}, err
		}
		leave = func() { body.Close() }
		for lines := json.NewDecoder(body); ; {
			st = TrialStatus{}
			if err := lines.Decode(&st); err != nil {
				return st, leave, c.unreadable(err)
			}
			if p.Number = st.Number; st.Moved {
				break
			}
			p.Step = max(st.Step-1, 0)
			tell(st)
			if st.Ended != "" || p.Manual {
				return st, leave, nil
			}
		}
	}
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
	return list
}

// planOf reads the parameters of a plan.
func planOf(q map[string]string) (p Plan, err error) {
	p = Plan{Kind: q["kind"], Release: q["release"], Before: q["before"], Manual: q["manual"] == "true"}
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
	if err := p.Check(); err != nil {
		return p, apiErrorf(http.StatusBadRequest, "%w", err)
	}
	return p, nil
}

// try tries a release for as long as the client keeps the connection open, or for one whose
// verdict is an operator's, for as long as it says. When another process takes over, the
// client is told to go on there, before it leaves here.
func (h *Handler) try(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) { endpoint(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r) }
	q, err := parameters(r, "docroot", "kind", "release", "before", "steps", "every", "least", "manual", "number", "step")
	var p Plan
	if err == nil {
		p, err = planOf(q)
	}
	if err != nil {
		fail(err)
		return
	}
	over := h.waits.current()
	if over.Err() != nil {
		fail(errMoved)
		return
	}
	trial, err := h.daemon.Try(r.PathValue("site"), q["docroot"], p)
	if err != nil {
		fail(siteError(err))
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	out, flush := json.NewEncoder(w), http.NewResponseController(w)
	if p.Manual {
		out.Encode(trial.Status()) // fails only when the client has left
		return
	}
	defer trial.Leave()
	tick := time.NewTicker(tellTrialEvery)
	defer tick.Stop()
	moved := over.Done()
	for {
		st := trial.Status()
		if out.Encode(st) != nil || flush.Flush() != nil {
			return
		}
		if st.Ended != "" { // a good one keeps its visitors until it has gone live
			select {
			case <-r.Context().Done():
			case <-trial.Over():
			}
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-moved:
			moved = nil
			out.Encode(TrialStatus{Moved: true, Number: st.Number})
			flush.Flush()
			<-r.Context().Done()
			return
		case <-trial.Over():
		case <-tick.C:
		}
	}
}

const tellTrialEvery = time.Second

// EndTrial ends the trial of a docroot, and sends its visitors back.
func (c *Client) EndTrial(ctx context.Context, at SiteAddress) (TrialStatus, error) {
	return ask[TrialStatus](ctx, c, http.MethodPost, at.path("/try/end"))
}

func (h *Handler) endTrial(r *http.Request) (any, error) {
	q, err := parameters(r, "docroot")
	if err != nil {
		return nil, err
	}
	st, err := h.daemon.EndTrial(r.PathValue("site"), q["docroot"])
	return st, siteError(err)
}

// A PreviewLink is what puts one browser on a release.
type PreviewLink struct {
	// Token is the value of the query argument _release, and Ends when it does.
	Token string    `json:"token"`
	Ends  time.Time `json:"ends"`
}

// Preview gives a token that puts one browser on a release for a time.
func (c *Client) Preview(ctx context.Context, at SiteAddress, release string, lasts time.Duration) (PreviewLink, error) {
	return ask[PreviewLink](ctx, c, http.MethodPost, at.path("/preview", "release", release, "for", lasts.String()))
}

func (h *Handler) preview(r *http.Request) (any, error) {
	q, err := releaseParameters(r, "for")
	if err != nil {
		return nil, err
	}
	lasts, err := limitOf(q, "for")
	if err != nil {
		return nil, err
	}
	if lasts < time.Second || lasts > MaxPreview {
		return nil, apiErrorf(http.StatusBadRequest, "for: want a duration from 1s to %s, not %s", MaxPreview, lasts)
	}
	link, err := h.daemon.Preview(r.PathValue("site"), q["docroot"], q["release"], lasts)
	return link, siteError(err)
}

// MaxPreview is the longest time that a preview may last.
const MaxPreview = 30 * 24 * time.Hour

// A Trial is one that runs.
type Trial interface {
	// Status is the trial now.
	Status() TrialStatus
	// Over is closed when it has ended.
	Over() <-chan struct{}
	// Leave ends it, if it has not ended, because whoever began it has left.
	Leave()
}

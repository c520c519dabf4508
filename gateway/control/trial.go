package control

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"realdocd/gateway/judge"
)

// The kinds of trials. A canary gives a share of new visitors a release that is not live; a
// bake compares a release that went live a moment ago with what the one before did.
const (
	KindCanary = "canary"
	KindBake   = "bake"
)

// A TrialStatus is a trial at one moment.
type TrialStatus struct {
	Kind    string `json:"kind"`
	Docroot string `json:"docroot"`
	// Release is the one that is tried, and Live what it is compared with, by their paths.
	Release string    `json:"release"`
	Live    string    `json:"live"`
	Since   time.Time `json:"since"`
	Manual  bool      `json:"manual,omitempty"`
	// Fleet says that a command judges it, by the figures of many hosts. Figures are then those
	// of this one, for that command alone; see judge.ParseFigures.
	Fleet   bool   `json:"fleet,omitempty"`
	Figures string `json:"figures,omitempty"`
	Number  uint16 `json:"number"`
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
			body.goesOn()
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

// try tries a release for as long as the client keeps the connection open, or for one whose
// verdict is an operator's, for as long as it says. When another process takes over, the
// client is told to go on there, before it leaves here.
func (h *Handler) try(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) { endpoint(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r) }
	q, err := parameters(r, "docroot", "kind", "release", "before", "steps", "every", "least", "manual", "fleet", "since", "number", "step")
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
		if p.Fleet {
			st.Figures = trial.Figures()
		}
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

// StepTrial begins a step of a trial that is judged elsewhere (Plan.Fleet), by its index.
func (c *Client) StepTrial(ctx context.Context, at SiteAddress, number uint16, step int) (TrialStatus, error) {
	return ask[TrialStatus](ctx, c, http.MethodPost, at.path("/try/step", "number", strconv.Itoa(int(number)), "step", strconv.Itoa(step)))
}

func (h *Handler) stepTrial(r *http.Request) (any, error) {
	q, err := parameters(r, "docroot", "number", "step")
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(q["number"], 10, 16)
	if err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "number: want that of a trial, not %q", q["number"])
	}
	step, err := strconv.ParseUint(q["step"], 10, 8)
	if err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "step: want a number, not %q", q["step"])
	}
	st, err := h.daemon.StepTrial(r.PathValue("site"), q["docroot"], uint16(number), int(step))
	return st, siteError(err)
}

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

// A Trial is one that runs.
type Trial interface {
	// Status is the trial now, without its Figures.
	Status() TrialStatus
	Figures() string
	// Over is closed when it has ended.
	Over() <-chan struct{}
	// Leave ends it, if it has not ended, because whoever began it has left.
	Leave()
}

package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// A Report is what a flip came to. It has a commit if one stands.
type Report struct {
	Site   string
	Commit Commit
	// Already says that the release was committed before, and all hosts have it; nothing was done.
	Already bool
	// Fenced and gone hosts, by Wrongs why.
	Wrongs []Wrong
	// Clocks are those of the hosts, and ByArrival why they did not flip at an instant.
	Clocks    []Clock
	ByArrival string
	// Applied are the hosts that have gone by the commit, the first one first and those last that do not say when,
	// and Late those that have not
	// within the time that the command has waited.
	Applied []Applied
	Late    []Wrong
	// Warnings are what the hosts warned of when they prepared.
	Warnings []Wrong
}

// Applied is when a host renamed its link, by its own clock, and by how much that was after the instant; by
// arrival, after the command's commit. At is the same by the clock that most hosts have. Own and At are zero of a
// host that had no link to rename, since it served the release, or whose agent has started since.
type Applied struct {
	Host  string
	Own   time.Time
	At    time.Time
	After time.Duration
}

// Spread is how long it took from the first host's rename to the last one's.
func (r *Report) Spread() time.Duration {
	last, ok := r.Last()
	if !ok {
		return 0
	}
	return last.At.Sub(r.Applied[0].At)
}

// Last is the host that has renamed its link last, of those that say when.
func (r *Report) Last() (last Applied, ok bool) {
	for _, a := range r.Applied {
		if !a.Own.IsZero() {
			last, ok = a, true
		}
	}
	return last, ok
}

// A LateError says that a flip is committed, and that hosts have not gone by it yet.
type LateError struct {
	Site, Release string
	Late          []Wrong
}

func (e *LateError) Error() string {
	text := fmt.Sprintf("the flip is committed and stands, but %s of %s has not gone live on all hosts yet:", e.Release, e.Site)
	for _, w := range e.Late {
		text += "\n" + w.Host + ": " + w.Why
	}
	return text
}

// await waits until the hosts have gone by the commit.
func (f *flipping) await(ctx context.Context) error {
	f.report.Wrongs = f.decision.wrongs
	for _, host := range f.decision.take {
		for _, warning := range f.answers[host].Warnings {
			f.report.Warnings = append(f.report.Warnings, Wrong{host, warning})
		}
	}
	ends := f.now().Add(applyLimit + max(0, f.report.Commit.At.Sub(f.now())))
	var have map[string]Have
	err := f.sight.until(ctx, func() bool {
		have, _ = byHost[Have](f.sight.below(f.Keys.HaveOf(f.Site))) // what cannot be read is late
		late := 0
		for _, host := range f.decision.take {
			if have[host].Seq < f.report.Commit.Seq {
				late++
			}
		}
		f.Tell(Progress{Phase: PhaseCommit, Done: len(f.decision.take) - late, All: len(f.decision.take)})
		return late == 0 || f.now().After(ends)
	})
	f.note(have)
	if len(f.report.Late) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("interrupted: the flip is committed and stands; realdocd fleet status %s shows which hosts have gone by it: %w", f.Site, err)
	}
	return &LateError{f.Site, f.Release, f.report.Late}
}

// note writes down who has gone by the commit, and when.
func (f *flipping) note(have map[string]Have) {
	apart, from := f.clocks.apart(), f.report.Commit.At
	if from.IsZero() {
		from = f.report.Commit.Time
	}
	for _, host := range f.decision.take {
		h, there := have[host]
		switch {
		case there && (h.Seq > f.report.Commit.Seq || h.Seq == f.report.Commit.Seq && h.Applied.IsZero()):
			f.report.Applied = append(f.report.Applied, Applied{Host: host})
		case there && h.Seq == f.report.Commit.Seq:
			at := h.Applied.Add(-apart[host])
			f.report.Applied = append(f.report.Applied, Applied{host, h.Applied, at, at.Sub(from)})
		case f.sight.get(f.Keys.Host(host)).Modified == 0:
			f.report.Late = append(f.report.Late, Wrong{host, "its agent went away; it flips as soon as that is back (systemctl start realdocd-fleet), and is not ready until then"})
		case !there:
			f.report.Late = append(f.report.Late, Wrong{host, "it does not say what it has of the site: look there (journalctl -u realdocd-fleet)"})
		default:
			f.report.Late = append(f.report.Late, Wrong{host, fmt.Sprintf("it is %s: %s", h.State, cmp.Or(h.Why, "it has not said why yet"))})
		}
	}
	slices.SortFunc(f.report.Applied, func(a, b Applied) int {
		switch {
		case a.Own.IsZero() && b.Own.IsZero():
			return cmp.Compare(a.Host, b.Host)
		case a.Own.IsZero():
			return 1
		case b.Own.IsZero():
			return -1
		}
		return a.At.Compare(b.At)
	})
}

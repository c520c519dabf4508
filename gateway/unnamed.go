package gateway

import (
	"strings"
	"time"
)

// unnamed are docroots that requests have come for and that the agent has not named, each with
// when it was last asked for it.
type unnamed map[string]time.Time

const (
	// mostUnnamed bounds them: a pattern may have as many docroots as there are directories.
	mostUnnamed = 10_000
	// askedAgainAfter is how long the agent is not asked again for one of them, and nobody
	// waits for it any more.
	askedAgainAfter = 10 * time.Second
)

// add says since when a docroot is missed, and whether the agent is to be asked for it now. If
// there are too many, that is the zero time.
func (u unnamed) add(docroot string, now time.Time) (since time.Time, ask bool) {
	since, known := u[docroot]
	if known && now.Sub(since) < askedAgainAfter {
		return since, false
	}
	if !known && len(u) >= mostUnnamed {
		u.forget(now)
		if len(u) >= mostUnnamed {
			return time.Time{}, false
		}
	}
	u[strings.Clone(docroot)] = now // the text may be a part of a request
	return now, true
}

// forget forgets those that nobody waits for.
func (u unnamed) forget(now time.Time) {
	for docroot, since := range u {
		if now.Sub(since) >= askedAgainAfter {
			delete(u, docroot)
		}
	}
}

// named takes out those that the agent has named. Of one whose state it does not know yet, who
// has waited for the name waits no longer than if he had waited for the state.
func (u unnamed) named(next *standings) {
	for docroot, since := range u {
		st := next.of(docroot)
		if st == nil {
			continue
		}
		if !st.unknown.IsZero() {
			st.unknown = since
		}
		delete(u, docroot)
	}
}

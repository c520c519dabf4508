package deploy

import (
	"fmt"
	"path/filepath"
	"slices"
)

// A WayBack is where a rollback goes.
type WayBack struct {
	Event
	// Again is set where the release that is live is one that a rollback went to, so
	// that this one goes further back.
	Again bool
	// Passed are those between that cannot be gone back to, each with why.
	Passed []string
}

// Previous is where a rollback of link goes from the release live: to the one that
// was live before it. After a rollback from 43 to 42 that is 41, and not 43. usable
// says why a release cannot be gone back to, "" if it can; one that is gone is
// passed over. It is false where the history has none.
func Previous(events []Event, link, live string, usable func(Event) string) (back WayBack, ok bool) {
	var line []Event // of the releases that led to the present one
	for _, e := range events {
		if e.Link != link {
			continue
		}
		at := slices.IndexFunc(line, func(before Event) bool { return before.Release == e.Release })
		back.Again = e.By == "rollback" && e.Release == live
		switch {
		case at >= 0 && e.By == "rollback":
			line = line[:at+1]
			continue
		case at >= 0: // it is the newest again, with what it holds now
			line = slices.Delete(line, at, at+1)
		}
		line = append(line, e)
	}
	if at := slices.IndexFunc(line, func(e Event) bool { return e.Release == live }); at >= 0 {
		line = line[:at]
	}
	for _, e := range slices.Backward(line) {
		if why := usable(e); why != "" {
			back.Passed = append(back.Passed, fmt.Sprintf("%s: %s", filepath.Base(e.Release), why))
			continue
		}
		back.Event = e
		return back, true
	}
	return back, false
}

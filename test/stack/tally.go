package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Tally is the sum of many verdicts. Traffic hands out copies while it runs.
type Tally struct {
	Total    int            // requests sent
	Failed   int            // no answer, not 200, or not the page
	Torn     int            // saw two releases
	Unnamed  int            // a whole release, but not in every place
	Releases map[string]int // answers by release, of those not torn
	Examples []string       // the first few that went wrong
}

func (t *Tally) String() string {
	var served []string
	for _, release := range slices.Sorted(maps.Keys(t.Releases)) {
		served = append(served, fmt.Sprintf("%d by release %s", t.Releases[release], release))
	}
	text := fmt.Sprintf("%d requests: %s; %d torn, %d failed, %d without a release in every place",
		t.Total, strings.Join(served, ", "), t.Torn, t.Failed, t.Unnamed)
	for _, example := range t.Examples {
		text += "\n  " + example
	}
	return text
}

// add counts one answer.
func (t *Tally) add(o *Observation, err error) {
	t.Total++
	if err != nil {
		t.Failed++
		t.example("failed: " + err.Error())
		return
	}
	v := o.Verdict()
	if v.Torn != "" {
		t.Torn++
		t.example("torn: " + v.Torn)
		return
	}
	t.Releases[v.Release]++
	if v.Unnamed != "" {
		t.Unnamed++
		t.example("no release in: " + v.Unnamed)
	}
}

func (t *Tally) example(text string) {
	if len(t.Examples) < 5 && !slices.Contains(t.Examples, text) {
		t.Examples = append(t.Examples, text)
	}
}

// counter is a Tally that several clients add to.
type counter struct {
	mu    sync.Mutex
	tally Tally
}

func (c *counter) add(o *Observation, err error) (total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.add(o, err)
	return c.tally.Total
}

func (c *counter) snapshot() *Tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tally
	t.Releases = maps.Clone(t.Releases)
	t.Examples = slices.Clone(t.Examples)
	return &t
}

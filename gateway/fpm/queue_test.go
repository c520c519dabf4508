package fpm

import (
	"slices"
	"testing"
	"time"
)

// lineUp puts waiters into a queue, by the names of their sites, a second apart.
func lineUp(q *queue, sites ...string) []*waiter {
	var all []*waiter
	for i, site := range sites {
		w := &waiter{flow: q.flow(Flow{Site: site}), since: time.Unix(int64(i), 0)}
		q.push(w)
		all = append(all, w)
	}
	return all
}

// served takes everybody out in turn and counts them as running.
func served(q *queue) (sites []string) {
	for w := q.next(); w != nil; w = q.next() {
		q.take(w)
		q.count(q.flow(w.flow.key), 1)
		sites = append(sites, w.flow.key.Site)
	}
	return sites
}

func TestQueue_ServesTheSiteWithTheFewestRequestsInFPMFirst(t *testing.T) {
	for _, row := range []struct {
		name    string
		running map[string]int
		waiting []string
		want    []string
	}{
		{"one site, in order", nil, []string{"a", "a"}, []string{"a", "a"}},
		{"equals, in order", nil, []string{"b", "a", "c"}, []string{"b", "a", "c"}},
		{"a busy site takes turns", nil, []string{"a", "a", "a", "b"}, []string{"a", "b", "a", "a"}},
		{"what runs counts", map[string]int{"a": 3}, []string{"a", "a", "b", "b", "b", "b"}, []string{"b", "b", "b", "a", "b", "a"}},
	} {
		var q queue
		for site, n := range row.running {
			q.count(q.flow(Flow{Site: site}), n)
		}
		lineUp(&q, row.waiting...)
		if got := served(&q); !slices.Equal(got, row.want) {
			t.Errorf("%s: served %q, want %q", row.name, got, row.want)
		}
	}
}

func TestQueue_TheLongestFlowMakesRoom(t *testing.T) {
	for _, row := range []struct {
		waiting []string
		comes   string
		goes    int // the index in waiting; -1 is nobody
	}{
		{[]string{"a", "a", "a"}, "b", 2},
		{[]string{"a", "a", "a"}, "a", -1},
		{[]string{"a", "b", "a", "b", "b"}, "c", 4},
		{[]string{"a", "b"}, "c", -1}, // a place in the queue would only change hands
		{[]string{"a", "a", "b"}, "b", -1},
	} {
		var q queue
		all := lineUp(&q, row.waiting...)
		got := slices.Index(all, q.newestOfLongest(q.flow(Flow{Site: row.comes})))
		if got != row.goes {
			t.Errorf("%q wait and %s comes: %d goes, want %d", row.waiting, row.comes, got, row.goes)
		}
	}
}

func TestQueue_ForgetsSitesWithNothingInIt(t *testing.T) {
	var q queue
	all := lineUp(&q, "a", "b", "b")
	for _, w := range all {
		q.take(w)
	}
	q.count(q.flow(Flow{Site: "c"}), 1)
	q.count(q.flow(Flow{Site: "c"}), -1)
	if len(q.flows) != 0 || len(q.waiting) != 0 || q.len != 0 {
		t.Errorf("%d flows, %d of them waiting, %d requests are left", len(q.flows), len(q.waiting), q.len)
	}
}

func TestQueue_ASiteThatHasAllOfItsPlacesIsPassed(t *testing.T) {
	var q queue
	waiting := lineUp(&q, "a", "a", "b", "a", "b")
	q.bound(waiting[0].flow, 1)
	if n := q.mayRun(); n != 3 {
		t.Errorf("%d may run, want 3", n)
	}
	if got := served(&q); !slices.Equal(got, []string{"a", "b", "b"}) {
		t.Errorf("served %q", got)
	}
	if n := q.mayRun(); n != 0 || q.len != 2 {
		t.Errorf("%d of %d may run, want none of 2", n, q.len)
	}
	q.count(waiting[0].flow, -1)
	if got := served(&q); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after one has ended: served %q", got)
	}
	q.bound(waiting[0].flow, 0)
	if got := served(&q); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after the limit has gone: served %q", got)
	}
}

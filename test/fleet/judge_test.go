package fleet

import (
	"fmt"
	"maps"
	"slices"
	"sort"
)

// judgeAnswers looks at each answer by itself: it is of one release, of one that was committed, and none fails but
// by a host that says that it is not ready, or whose daemon somebody has killed.
func (h *history) judgeAnswers(v *verdict) {
	var torn, uncommitted, failed int
	for _, a := range h.answers {
		if a.end < h.from || a.begin > h.to {
			continue
		}
		v.requests++
		switch {
		case a.torn != "":
			torn = v.breaks(torn, "%v: host %d: torn: %s and %s", a.end, a.host, a.release, a.torn)
		case a.status == 200 && !h.committed(a):
			uncommitted = v.breaks(uncommitted, "%v: host %d answers with release %s, which is not committed then", a.end, a.host, a.release)
		case a.status == 200:
		case overlap(h.downs, a.host, a.begin, a.end):
			v.down++
		case a.status == 503 && a.retryAfter && h.saidNotReady(a.host, a.begin, a.end):
			v.refused++
		default:
			v.failed++
			failed = v.breaks(failed, "%v to %v: host %d: a request failed: status %d %s", a.begin, a.end, a.host, a.status, a.err)
		}
	}
}

// committed says whether the release was, when the answer came.
func (h *history) committed(a answer) bool {
	return slices.ContainsFunc(h.commits, func(c commit) bool { return c.release == a.release && c.begin <= a.end })
}

// saidNotReady says whether a host did, when it was asked last before a time, during it, or first after it.
func (h *history) saidNotReady(host int, from, to moment) bool {
	end := sort.Search(len(h.probes), func(i int) bool { return h.probes[i].end >= to })
	for i := end; i < len(h.probes); i++ { // the first that began after it
		if p := h.probes[i]; p.host == host {
			if !p.ready {
				return true
			}
			if p.begin >= to {
				break
			}
		}
	}
	for i := end - 1; i >= 0; i-- { // those during it, and the last before it
		if p := h.probes[i]; p.host == host {
			if !p.ready {
				return true
			}
			if p.end <= from {
				break
			}
		}
	}
	return false
}

// A view is what is known of a host at a moment.
type view struct {
	ready   bool
	release string // that it answers with; "" if it does not
}

func (v view) serves() bool { return v.ready && v.release != "" }

// eachView goes through the history in the order of what was seen, and tells of each host that is seen another way.
func (h *history) eachView(changed func(at moment, host int, now view)) {
	views := make([]view, h.hosts)
	p := 0
	set := func(at moment, host int, next view) {
		if views[host] != next {
			views[host] = next
			changed(at, host, next)
		}
	}
	probesUntil := func(at moment) {
		for ; p < len(h.probes) && h.probes[p].end <= at; p++ {
			next := views[h.probes[p].host]
			next.ready = h.probes[p].ready
			set(h.probes[p].end, h.probes[p].host, next)
		}
	}
	for _, a := range h.answers {
		probesUntil(a.end)
		next := views[a.host]
		next.release = a.release
		if a.status != 200 {
			next.release = ""
		}
		set(a.end, a.host, next)
	}
	probesUntil(1<<63 - 1)
}

// judgeAgreement finds the longest time in which two hosts answered with different releases without a break, while
// both said that they were ready. A host that was declared gone is left out.
func (h *history) judgeAgreement(v *verdict, l limits) {
	views := make([]view, h.hosts)
	since := make(map[[2]int]moment)
	var many int
	end := func(pair [2]int, at moment) {
		began, disagreed := since[pair]
		if !disagreed {
			return
		}
		delete(since, pair)
		began, at = max(began, h.from), min(at, h.to)
		if at-began > v.worst {
			v.worst, v.pair = at-began, pair
		}
		if at-began > l.disagree {
			many = v.breaks(many, "%v to %v: hosts %d and %d were both ready, and answered with different releases for %v; promised are at most %v",
				began, at, pair[0], pair[1], at-began, l.disagree)
		}
	}
	h.eachView(func(at moment, host int, now view) {
		views[host] = now
		for other := range h.hosts {
			pair := [2]int{min(host, other), max(host, other)}
			differ := other != host && now.serves() && views[other].serves() && now.release != views[other].release &&
				!overlap(h.gone, host, at, at) && !overlap(h.gone, other, at, at)
			if !differ {
				end(pair, at)
			} else if _, already := since[pair]; !already {
				since[pair] = at
			}
		}
	})
	for pair := range maps.Clone(since) {
		end(pair, h.to)
	}
}

// judgeFreshness sees that no host goes on for long with what is not committed any more, and says that it is ready.
// That is more than agreement: it holds for a host that is alone.
func (h *history) judgeFreshness(v *verdict, l limits) {
	var many int
	views, since := make([]view, h.hosts), make([]moment, h.hosts)
	ends := func(host int, at moment) {
		next, replaced := h.after(views[host].release)
		began := max(since[host], next.known, h.from)
		if !views[host].serves() || !replaced || at-began <= l.disagree || overlap(h.gone, host, began, at) {
			return
		}
		many = v.breaks(many, "%v to %v: host %d was ready, and answered with release %s, %v after commit %d of release %s; promised are at most %v",
			began, at, host, views[host].release, at-next.known, next.seq, next.release, l.disagree)
	}
	h.eachView(func(at moment, host int, now view) {
		ends(host, min(at, h.to))
		views[host], since[host] = now, at
	})
	for host := range h.hosts {
		ends(host, h.to)
	}
}

// after is the commit that came after the last one of a release.
func (h *history) after(release string) (next commit, replaced bool) {
	for i := len(h.commits) - 1; i >= 0; i-- {
		if h.commits[i].release == release {
			return next, replaced
		}
		next, replaced = h.commits[i], true
	}
	return commit{}, false // it never was committed, which is told elsewhere
}

// judgeOrder sees that no host goes back to an earlier commit: a request that begins after one has been answered
// is answered with the same commit, or with a later one.
func (h *history) judgeOrder(v *verdict) {
	var many int
	for host := range h.hosts {
		var floor int64    // the earliest commit that the host may answer with
		var ended []answer // answers that have not raised it yet, in the order of their end
		for _, a := range h.answers {
			if a.host == host && a.status == 200 {
				ended = append(ended, a)
			}
		}
		begun := slices.Clone(ended)
		slices.SortStableFunc(begun, func(a, b answer) int { return int(a.begin - b.begin) })
		for _, a := range begun {
			for len(ended) > 0 && ended[0].end <= a.begin {
				if seq := h.seqOf(ended[0].release, floor); seq > floor {
					floor = seq
				}
				ended = ended[1:]
			}
			if a.begin >= h.from && a.end <= h.to && h.seqOf(a.release, floor) == 0 && h.seqOf(a.release, 0) != 0 {
				many = v.breaks(many, "%v: host %d goes back to release %s, after an answer of commit %d", a.begin, a.host, a.release, floor)
			}
		}
	}
}

// seqOf is the first commit of a release that is not before another one; 0 if there is none.
func (h *history) seqOf(release string, floor int64) int64 {
	for _, c := range h.commits {
		if c.release == release && c.seq >= floor {
			return c.seq
		}
	}
	return 0
}

// judgeSight sees that every host was looked at all the time.
func (h *history) judgeSight(v *verdict, l limits) {
	for host := range h.hosts {
		answered, probed := h.from, h.from
		gap := func(what string, last *moment, at moment) {
			if at-*last > l.unseen && at > h.from && *last < h.to {
				v.broken = append(v.broken, fmt.Sprintf("%v to %v: nobody has %s host %d: nothing is proved", *last, at, what, host))
			}
			*last = max(*last, at)
		}
		for _, a := range h.answers {
			if a.host == host {
				gap("asked", &answered, a.end)
			}
		}
		for _, p := range h.probes {
			if p.host == host {
				gap("probed", &probed, p.end)
			}
		}
		gap("asked", &answered, h.to)
		gap("probed", &probed, h.to)
	}
}

// inStepAt is when all hosts, but those that are left out, were ready and answered with a release, and did
// so from then on until the end; ok is false if that never was.
func (h *history) inStepAt(release string, from moment, without ...int) (at moment, ok bool) {
	h.sort()
	views := make([]view, h.hosts)
	all := func() bool {
		for host, v := range views {
			if !slices.Contains(without, host) && (!v.ready || v.release != release) {
				return false
			}
		}
		return true
	}
	h.eachView(func(seen moment, host int, now view) {
		views[host] = now
		switch is := all(); {
		case is && !ok:
			at, ok = max(seen, from), true
		case !is:
			ok = false
		}
	})
	return at, ok
}

// A spread is when hosts answered with a release for the first time.
type spread struct {
	first, last moment
	missing     []int
}

func (s spread) took() moment { return s.last - s.first }

// spreadOf is the time between the first and the last host's first request on a release, by when requests began.
func (h *history) spreadOf(release string) spread {
	firsts := map[int]moment{}
	for _, a := range h.answers {
		if a.status != 200 || a.release != release {
			continue
		}
		if at, has := firsts[a.host]; !has || a.begin < at {
			firsts[a.host] = a.begin
		}
	}
	s := spread{first: 1<<63 - 1}
	for host := range h.hosts {
		at, has := firsts[host]
		if !has {
			s.missing = append(s.missing, host)
			continue
		}
		s.first, s.last = min(s.first, at), max(s.last, at)
	}
	return s
}

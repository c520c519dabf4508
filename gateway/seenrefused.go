package gateway

import (
	"slices"
	"sync"
	"time"

	"realdocd/gateway/control"
)

// maxRefusals is how many refusals are told apart. The oldest makes room for another.
const maxRefusals = 32

// refusals remember the requests that were refused lately.
type refusals struct {
	mu   sync.Mutex // guards the following
	list []*refusedKind
}

// A refusedKind are refusals that have the same cause, docroot and site.
type refusedKind struct {
	control.SeenRefusal
	minute int64  // in which one came last, since epoch
	now    uint64 // how many came in it
	before uint64 // and in the minute before
}

// count counts one more.
func (k *refusedKind) count(minute int64) {
	if minute > k.minute {
		k.before = k.recent(minute)
		k.minute, k.now = minute, 0
	}
	k.now++
	k.Count++
}

// recent are those of a minute and of the one before.
func (k *refusedKind) recent(minute int64) uint64 {
	switch minute {
	case k.minute:
		return k.now + k.before
	case k.minute + 1:
		return k.now
	}
	return 0
}

func minuteOf(t time.Time) int64 { return int64(t.Sub(epoch) / time.Minute) }

// note remembers a request that has failed, if the cause is what the web server has
// sent.
func (r *refusals) note(rq *request, err error) {
	cause := causeOf(err)
	switch cause {
	case causeNoSite, causeForbidden, causeParamsTooLong, causeIncludePath:
	default:
		return
	}
	docroot, site := keepSeen(rq.value(rq.cgi.documentRoot)), ""
	if rq.site != nil {
		site = rq.site.Name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.list, func(s *refusedKind) bool {
		return s.Cause == cause.name && s.Site == site && (s.DocumentRoot == docroot || site != "")
	})
	if i < 0 {
		i = r.makeRoomLocked()
		r.list[i] = &refusedKind{SeenRefusal: control.SeenRefusal{Cause: cause.name, Site: site, DocumentRoot: docroot, First: rq.began}}
	}
	s := r.list[i]
	s.count(minuteOf(rq.began))
	s.Last, s.ScriptFilename, s.Error = rq.began, keepSeen(rq.value(rq.cgi.scriptFilename)), keepSeen([]byte(err.Error()))
}

// makeRoomLocked gives the index at which the list has room for another.
func (r *refusals) makeRoomLocked() int {
	if len(r.list) < maxRefusals {
		r.list = append(r.list, nil)
		return len(r.list) - 1
	}
	oldest := 0
	for i, s := range r.list {
		if s.Last.Before(r.list[oldest].Last) {
			oldest = i
		}
	}
	return oldest
}

// all gives the refusals that are remembered, the newest first.
func (r *refusals) all(now time.Time) []control.SeenRefusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []control.SeenRefusal{}
	for _, s := range r.list {
		seen := s.SeenRefusal
		seen.Recent = s.recent(minuteOf(now))
		list = append(list, seen)
	}
	slices.SortFunc(list, func(a, b control.SeenRefusal) int { return b.Last.Compare(a.Last) })
	return list
}

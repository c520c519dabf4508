package gateway

import (
	"slices"
	"sync"

	"realdocd/gateway/control"
)

// maxRefusals is how many refusals are told apart. The oldest makes room for another.
const maxRefusals = 32

// refusals remember the requests that were refused lately.
type refusals struct {
	mu   sync.Mutex // guards the following
	list []*control.SeenRefusal
}

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
	i := slices.IndexFunc(r.list, func(s *control.SeenRefusal) bool {
		return s.Cause == cause.name && s.Site == site && (s.DocumentRoot == docroot || site != "")
	})
	if i < 0 {
		i = r.makeRoomLocked()
		r.list[i] = &control.SeenRefusal{Cause: cause.name, Site: site, DocumentRoot: docroot, First: rq.began}
	}
	s := r.list[i]
	s.Count++
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
func (r *refusals) all() []control.SeenRefusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []control.SeenRefusal{}
	for _, s := range r.list {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b control.SeenRefusal) int { return b.Last.Compare(a.Last) })
	return list
}

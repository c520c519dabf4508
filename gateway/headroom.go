package gateway

import (
	"context"
	"fmt"

	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
)

// Headroom asks FPM whether it can read a release, a directory by its absolute
// path, and whether the release fits into opcache beside the live one. It takes
// an ordinary worker.
func (s *Server) Headroom(ctx context.Context, name, docroot, release string) (control.Headroom, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return control.Headroom{}, err
	}
	v, err := st.releases.EnterRelease(docroot, release)
	if err != nil {
		return control.Headroom{}, err
	}
	defer v.Withdraw()
	live := st.releases.Live(docroot)
	answer, addr, err := st.pool.AskRelease(ctx, v.Docroot, live)
	if err != nil && len(st.pool.Config().Map) > 0 { // it sees another tree, where our script may not be
		return control.Headroom{Readable: true, Fits: true, Why: err.Error()}, nil
	}
	if err != nil {
		return control.Headroom{}, fmt.Errorf("ask FPM at %s about the release: %w", addr, err)
	}
	return headroom(answer, v.Docroot, live), nil
}

// headroom draws the conclusion. A script has more keys than one if it is
// included by different names, so that keys are counted by the share of scripts.
func headroom(a fpm.Answer, next, live string) control.Headroom {
	h := control.Headroom{Readable: a.Barred[next] == "", Fits: true}
	switch {
	case !a.HasOpcache:
		h.Why = "PHP has no opcache"
		return h
	case a.Opcache == nil:
		h.Why = "opcache is off for FPM, or opcache.restrict_api keeps it to itself"
		return h
	}
	o := a.Opcache
	ofNext, ofLive := o.Dirs[next], o.Dirs[live]
	h.Opcache = true
	h.Memory, h.FreeMemory = o.Free+o.Used+o.Wasted, o.Free
	h.NeedsMemory = max(0, ofLive[0]-ofNext[0])
	h.Keys, h.FreeKeys = o.MaxKeys, o.MaxKeys-o.Keys
	if o.Scripts > 0 {
		h.NeedsKeys = max(0, (ofLive[1]-ofNext[1])*o.Keys/o.Scripts)
	}
	h.Fits = h.FreeMemory >= h.NeedsMemory && h.FreeKeys >= h.NeedsKeys
	return h
}

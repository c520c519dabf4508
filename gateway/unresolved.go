package gateway

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/spare"
)

const (
	maxUnresolved = 100         // that are told of
	lookPause     = time.Second // how long all looks together may take, for whom they are told to
)

// unresolved are the docroots that cannot be resolved. Of one that is remembered, the last
// look tells. One that never could be resolved is not, so it is looked at now, if its
// docroot is written out.
func (s *Server) unresolved(now *setup) (all []control.UnresolvedDocroot) {
	looks := 0
	looked := make(chan control.UnresolvedDocroot, len(now.sites.exact)) // nobody waits to write
	for _, st := range now.sites.all {
		known := map[string]bool{}
		for _, docroot := range st.releases.Docroots() {
			known[docroot] = st.releases.Live(docroot) != ""
			if err := st.releases.Trouble(docroot); err != nil {
				all = append(all, control.UnresolvedDocroot{Site: st.Name, Docroot: docroot, Error: err.Error(), Release: goodRelease(st, docroot, err)})
			}
		}
		if docroot := path.Clean(st.Docroot); !st.IsGlob() && !known[docroot] && st.inspecting.CompareAndSwap(false, true) {
			looks++
			go st.inspect(docroot, looked)
		}
	}
	for timeout := time.After(lookPause); looks > 0; looks-- {
		select {
		case trouble := <-looked:
			if trouble.Error != "" {
				all = append(all, trouble)
			}
		case <-timeout:
			looks = 1 // what hangs is told of by requests, and by the next look
		}
	}
	return all[:min(len(all), maxUnresolved)]
}

// inspect sees whether a docroot can be resolved now, and changes nothing. It ends when the
// file system answers; until then the site has no other one.
func (s *site) inspect(docroot string, looked chan<- control.UnresolvedDocroot) {
	defer s.inspecting.Store(false)
	trouble := control.UnresolvedDocroot{Site: s.Name, Docroot: docroot}
	spare.During(func() {
		if _, err := deploy.Inspect(docroot, s.Links()); err != nil {
			trouble.Error = err.Error()
		}
	})
	looked <- trouble
}

// goodRelease is the release on which requests run meanwhile; "" if it is gone.
func goodRelease(st *site, docroot string, err error) string {
	live := st.releases.Live(docroot)
	if !errors.Is(err, fs.ErrNotExist) { // a file system that hangs is not asked again
		return live
	}
	if _, err := os.Stat(live); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return live
}

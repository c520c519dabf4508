package gateway

import (
	"context"
	"net"
	"slices"

	"realdocd/gateway/control"
	"realdocd/gateway/handover"
)

// Retire lets everything that runs here end, with its successor at work, until
// ctx is done, and then cuts it off. It is for after a HandOver that went well, once.
// Connections of web servers go to the
// successor as soon as no request runs on them. It returns the requests
// that it cut off.
func (s *Server) Retire(ctx context.Context) (cut []CutOff) {
	s.life.must(retiring)
	defer s.end()
	open := s.sockets.Load()
	for _, ln := range open.listeners {
		leave(ln.Listener)
	}
	s.endIdle()
	s.page.Close()
	for _, over := range []<-chan struct{}{open.control.leave(ctx), open.exporter.leave(ctx), open.page.leave(ctx)} {
		<-over
	}
	s.predecessor.awaitEnd(ctx) // until then its connections go through here
	cut = s.finish(ctx)
	s.successor.peer.Flush()
	return cut
}

// giveConn gives the successor a connection on which no request runs. It is
// closed here once it has been sent.
func (n *Successor) giveConn(c *webConn) {
	n.peer.SendSocket(handover.Message{Conn: true}, c.web.FileConn, func(error) { c.s.closed(c) })
}

// answer tells the successor who is left here.
func (n *Successor) answer(q handover.Ask) {
	a := handover.Answer{ID: q.ID}
	if q.Requests {
		running, _ := n.s.Requests("") // fails only for a site that is not there
		a.Requests = &running
	} else if q.Site == "" {
		st := n.s.Status()
		a.Status = &st
	} else if d, err := n.s.occupied(q.Site, q.Docroot, q.Closed); err != nil {
		a.Error = err.Error()
	} else {
		a.Site = &d
	}
	n.peer.Send(handover.Message{Answer: &a})
}

// occupied are the docroots of a site with somebody inside, after a look at
// their links: whoever begins afterwards is in the live release, and in none of those
// that are closed. One that is unknown here has nobody inside.
func (s *Server) occupied(name, docroot string, closed []string) (control.SiteDetail, error) {
	sites := s.setup.Load().sites
	st := sites.named(name)
	if st == nil && docroot != "" {
		st = sites.find(docroot) // it may be called otherwise over there
	}
	if st == nil {
		return control.SiteDetail{}, nil
	}
	for _, release := range closed {
		st.releases.Close(release)
	}
	docroots := st.releases.Docroots()
	if docroot != "" || !st.IsGlob() {
		clean, err := st.DocrootOf(docroot)
		if err != nil {
			return control.SiteDetail{}, nil
		}
		if err := s.lookPatiently(st, clean); err != nil {
			return control.SiteDetail{}, err
		}
		docroot, docroots = clean, []string{clean}
	}
	d := s.whoIsInside(st, docroot, docroots)
	d.Docroots = slices.DeleteFunc(d.Docroots, func(ds control.DocrootStatus) bool {
		return !slices.ContainsFunc(ds.Releases, func(r control.ReleaseStatus) bool { return r.Running > 0 })
	})
	return d, nil
}

// leave closes a listener that another process has too.
func leave(ln net.Listener) {
	unlinkOnClose(ln, false)
	ln.Close()
}

// unlinkOnClose says whether the file of a unix socket goes with the listener.
func unlinkOnClose(ln net.Listener, unlink bool) {
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(unlink)
	}
}

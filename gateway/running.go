package gateway

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/sock"
)

// Requests are what runs now, of one site or with "" everywhere, the longest first; of a
// predecessor too.
func (s *Server) Requests(site string) (control.Requests, error) {
	wanted := func(control.RunningRequest) bool { return true }
	if site != "" {
		st, docroot, err := s.named(site, "")
		if err != nil {
			return control.Requests{}, err
		}
		wanted = func(r control.RunningRequest) bool {
			return r.Site == st.Name && (docroot == "" || st.hasRelease(docroot, r.Release))
		}
	}
	all := control.Requests{Requests: s.running(time.Now())}
	if p := s.predecessor; p.running() {
		a, err := p.askRequests(context.Background())
		switch {
		case err != nil:
			all.Unknown = err.Error()
		case a.Requests != nil:
			all.Requests = append(all.Requests, a.Requests.Requests...)
			all.Total, all.Unknown = a.Requests.Total-len(a.Requests.Requests), a.Requests.Unknown
		case p.running():
			all.Unknown = fmt.Sprintf("the process before, with pid %d, is of a version that does not tell", p.pid)
		}
	}
	all.Requests = slices.DeleteFunc(all.Requests, func(r control.RunningRequest) bool { return !wanted(r) })
	all.Total += len(all.Requests)
	slices.SortFunc(all.Requests, func(a, b control.RunningRequest) int { return cmp.Compare(b.Age, a.Age) })
	all.Requests = all.Requests[:min(len(all.Requests), control.MaxRequests)]
	return all, nil
}

// Deploying counts a deploy, a flip or a rollback of a site until ended is called, once.
func (s *Server) Deploying(site string) (ended func(), err error) {
	if _, _, err := s.named(site, ""); err != nil {
		return nil, err
	}
	s.deploys.Add(1)
	return func() { s.deploys.Add(-1) }, nil
}

// running are the requests and commands of this process, in no order.
func (s *Server) running(now time.Time) []control.RunningRequest {
	all := []control.RunningRequest{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.mu.Lock()
		if rq := c.rq; rq != nil {
			r := control.RunningRequest{State: rq.state(), What: rq.name(), Pool: rq.pool.Name, RequestID: string(rq.requestID)}
			if rq.worker != nil {
				r.PID = rq.worker.PID
			}
			all = append(all, since(r, rq.began, now, rq.site, rq.visit.Release))
		}
		c.mu.Unlock()
	}
	for a := range s.abandoned {
		r := control.RunningRequest{State: "abandoned", What: a.what.What, Pool: a.pool, RequestID: a.id}
		all = append(all, since(r, a.began, now, a.site, a.visit.Release))
	}
	for cmd := range s.commands {
		r := control.RunningRequest{State: "command", What: cmd.Text, PID: cmd.PID}
		all = append(all, since(r, cmd.Began, now, cmd.st, cmd.visit.Release))
	}
	return all
}

// since adds when a request began, and where it belongs, as far as it does.
func since(r control.RunningRequest, began, now time.Time, st *site, release *deploy.Release) control.RunningRequest {
	r.Began, r.Age = began, now.Sub(began).Seconds()
	if st != nil {
		r.Site = st.Name
	}
	if release != nil {
		r.Release = release.Path
	}
	return r
}

// state says what the request waits for; its connection's mutex is held.
func (rq *request) state() string {
	switch rq.conn.waits.(type) {
	case *sock.Conn:
		return "php"
	case nil:
		return "body"
	}
	return "queue"
}

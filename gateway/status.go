package gateway

import (
	"os"

	"realdocd/gateway/control"
	"realdocd/gateway/sock"
)

// Status is the daemon now, with a predecessor that finishes its requests and is
// asked about them, for at most askTimeout.
func (s *Server) Status() control.Status {
	st := s.OwnStatus()
	s.predecessor.addTo(&st)
	return st
}

// Unheld says whether this process is a service of systemd (INVOCATION_ID in systemd.exec(5))
// that tells it how it is (sd_notify(3)), and has got no socket of web servers from it:
// systemd holds none then while realdocd is restarted.
func (s *Server) Unheld() bool {
	return os.Getenv("INVOCATION_ID") != "" && os.Getenv("NOTIFY_SOCKET") != "" && !s.sockets.Load().inherited
}

// OwnStatus is Status without asking anybody. Its pools are whole: the places of a
// predecessor are counted here.
func (s *Server) OwnStatus() control.Status {
	now := s.setup.Load()
	s.mu.Lock()
	conns := len(s.conns)
	s.mu.Unlock()
	st := control.Status{Unheld: s.Unheld(), PID: os.Getpid(), Started: s.started, Connections: conns, MaxConns: now.cfg.MaxConns, Pools: []control.PoolStatus{}, Sites: []control.SiteStatus{}}
	if st.Page = now.cfg.Page; st.Page != "" && !sock.Addr(st.Page).IsUnix() {
		st.Page = "http://" + st.Page + "/"
	}
	if keys := s.keys.Load(); keys != nil {
		st.PinKey = keys.Fingerprint()
	}
	for _, c := range now.cfg.Pools {
		st.Pools = append(st.Pools, poolStatus(now.pools[c.Name]))
	}
	st.Fleet = s.fleetStatus()
	for _, site := range now.sites.all {
		st.Sites = append(st.Sites, site.status())
	}
	return st
}

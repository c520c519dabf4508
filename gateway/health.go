package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"

	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
)

// Ready looks whether requests can be served: the process is not on its way out, its
// sockets are open, its sites are in step with their fleet, and of each pool, or of the one that is named, an FPM
// answers and the pool is not paused.
func (s *Server) Ready(ctx context.Context, pool string) (control.Readiness, error) {
	now := s.setup.Load()
	pools := now.pools
	if pool != "" {
		p, err := s.pool(pool)
		if err != nil {
			return control.Readiness{}, err
		}
		pools = map[string]*fpm.Pool{pool: p}
	}
	found := map[string]chan error{}
	for name, p := range pools {
		answer := make(chan error, 1)
		found[name] = answer
		go func() { answer <- poolReady(ctx, p) }()
	}
	r := control.Readiness{Ready: true}
	r.Add("process", s.serves())
	r.Add("sockets", s.socketsOpen())
	if now.cfg.Fleet.On && pool == "" {
		r.Add("fleet", now.fleetReady())
	}
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		r.Add("pool "+name, <-found[name])
	}
	return r, nil
}

func poolReady(ctx context.Context, p *fpm.Pool) error {
	if p.Status().Paused {
		return fmt.Errorf("it is paused: end that with realdocd resume %s", p.Name)
	}
	return p.Answers(ctx)
}

// serves says why the process takes no requests, or not for long; nil if it does.
func (s *Server) serves() error {
	switch now := s.life.now(); now {
	case serving, reloading, offering, yielding:
		return nil
	case opening, starting:
		return errors.New("it is starting")
	case yielded, retiring:
		return errors.New("it has handed over to another process")
	default:
		return errors.New("it is stopping")
	}
}

// socketsOpen says why web servers cannot connect; nil if they can.
func (s *Server) socketsOpen() error {
	open := s.sockets.Load()
	if len(open.listeners) == 0 {
		return errors.New("none is open")
	}
	for _, ln := range open.listeners {
		if !ln.addr.IsUnix() {
			continue
		}
		fi, err := os.Lstat(string(ln.addr))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("somebody has removed %s: restart realdocd", ln.addr)
		case err == nil && fi.Mode()&fs.ModeSocket == 0:
			return fmt.Errorf("somebody has put something else in the place of %s: remove that and restart realdocd", ln.addr)
		}
	}
	return nil
}

// exporter answers on the address for metrics: these, the probes, and the page if it
// is to be there.
func (s *Server) exporter() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metricsHandler())
	mux.HandleFunc("GET /healthz", control.Healthz)
	mux.Handle("GET /readyz", control.Readyz(s))
	mux.Handle("GET /", s.pageOnMetrics(s.page.Handler()))
	return mux
}

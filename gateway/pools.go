package gateway

import (
	"context"
	"errors"
	"fmt"

	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
)

// Pause has new requests of a pool wait, within the limits of its queue, until
// Resume. Requests that run go on. The error is control.ErrNoPool if there is none.
func (s *Server) Pause(pool string) error {
	p, err := s.pool(pool)
	if err != nil {
		return err
	}
	p.Pause()
	s.log.Warn().Str("pool", pool).Msg("pool paused")
	return nil
}

// Resume ends Pause, and fails the drains that wait.
func (s *Server) Resume(pool string) error {
	p, err := s.pool(pool)
	if err != nil {
		return err
	}
	p.Resume()
	s.log.Warn().Str("pool", pool).Msg("pool resumed")
	return nil
}

// Drain pauses a pool and returns when no request runs in it. If ctx ends first the pool
// is as it was before, and the error is a *control.DrainError.
func (s *Server) Drain(ctx context.Context, pool string) error {
	p, err := s.pool(pool)
	if err != nil {
		return err
	}
	s.log.Warn().Str("pool", pool).Msg("pool paused: it drains")
	s.drains.Add(1)
	defer s.drains.Add(-1)
	err = p.Drain(ctx)
	failed := (*fpm.DrainError)(nil)
	switch {
	case errors.Is(err, fpm.ErrResumed):
		return control.ErrResumed
	case errors.As(err, &failed):
		if !failed.Paused {
			s.log.Warn().Str("pool", pool).Msg("pool resumed: it did not drain in time")
		}
		said := &control.DrainError{Paused: failed.Paused, Running: failed.Running, Kept: failed.Kept, Unknown: failed.Unknown}
		for _, w := range failed.Workers {
			said.Workers = append(said.Workers, w.Script)
		}
		return said
	}
	return err
}

func (s *Server) pool(name string) (*fpm.Pool, error) {
	if p := s.setup.Load().pools[name]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%w %q", control.ErrNoPool, name)
}

// poolStatus is a pool as operators see it.
func poolStatus(p *fpm.Pool) control.PoolStatus {
	now := p.Status()
	st := control.PoolStatus{
		Name: p.Name, Paused: now.Paused, Running: now.Running, Abandoned: now.Abandoned, MaxConns: now.MaxConns, MaxConnsAuto: p.Config().MaxConns == fpm.Auto,
		Status: string(p.Config().StatusServer), Waiting: now.Waiting, Queue: now.QueueLimit, LongestWait: now.LongestWait.Seconds(),
		Requests: now.Requests, Refused: now.Refused,
	}
	for _, l := range now.Listeners {
		ls := control.ServerStatus{
			Address: string(l.Addr), Up: l.Down == nil, Since: l.Since, Running: l.Running, Kept: l.Kept,
			Opened: l.Opened, Reused: l.Reused, Reuse: l.Reuse, Version: l.Version, Workers: l.Workers,
		}
		if l.Down != nil {
			ls.Error = l.Down.Error()
		}
		st.Servers = append(st.Servers, ls)
	}
	return st
}

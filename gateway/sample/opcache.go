package sample

import (
	"context"
	"slices"
	"time"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// An Opcache is what an FPM has said of its opcache. Without one there is no Opcache.
type Opcache struct {
	fpm.Opcache
	Version string // PHP's
	At      time.Time
}

// opcachesLocked are the listeners whose opcache is to be asked for: none while the pool
// has no place to spare, nor while no request has run since it was asked. So a pool that
// nobody uses, with pm = ondemand, gets no worker only to be looked at.
func (s *Sampler) opcachesLocked(t Target, k *known, now time.Time) (due []sock.Addr) {
	st := t.Pool.Status()
	if st.Paused || st.Waiting > 0 || st.MaxConns > 0 && st.Running >= st.MaxConns || !t.Pool.CanAsk() {
		return nil
	}
	for addr := range k.pool.Opcaches {
		if !slices.ContainsFunc(st.Listeners, func(l fpm.ListenerStatus) bool { return l.Addr == addr }) {
			delete(k.pool.Opcaches, addr)
			delete(k.opcache, addr)
		}
	}
	for _, l := range st.Listeners {
		a := k.opcache[l.Addr]
		if a == nil {
			a = &asked{}
			k.opcache[l.Addr] = a
		}
		if l.Down == nil && st.Requests != a.requests && a.isDue(now, opcacheEvery) {
			a.requests = st.Requests
			due = append(due, l.Addr)
		}
	}
	return due
}

func askOpcache(ctx context.Context, t Target, k *known, addr sock.Addr) (take func()) {
	dirs := t.Dirs()
	answer, err := t.Pool.AskAt(ctx, addr, fpm.Question{Dirs: dirs[:min(len(dirs), maxDirs)]})
	at := time.Now()
	return func() {
		if k.pool.Opcaches == nil {
			k.pool.Opcaches = map[sock.Addr]*Opcache{}
		}
		switch {
		case err != nil: // what it said last stays, with its age
		case answer.Opcache == nil:
			delete(k.pool.Opcaches, addr)
		default:
			k.pool.Opcaches[addr] = &Opcache{*answer.Opcache, answer.Version, at}
		}
	}
}

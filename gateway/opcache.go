package gateway

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

const (
	// maxHold bounds for how long visitors wait while an opcache begins anew. It is
	// never more than half of queue_timeout.
	maxHold = 5 * time.Second
	// sweepAfter is how long after a flip what opcache has of releases that are gone
	// is dropped: whoever flips removes old releases then.
	sweepAfter   = 10 * time.Second
	sweepTimeout = 30 * time.Second
)

// Compile has each FPM of the site's pool compile in a release what its opcache has of the
// live one, so that visitors do not, and says what it has of the release then.
func (s *Server) Compile(ctx context.Context, name, docroot, release string) ([]control.CompiledResult, error) {
	st, docroot, v, err := s.enterNamed(name, docroot, release)
	if err != nil {
		return nil, err
	}
	defer v.Withdraw()
	p, err := st.poolOf(docroot)
	if err != nil {
		return nil, err
	}
	live := st.releases.Live(docroot)
	results := []control.CompiledResult{}
	for _, addr := range p.Up() {
		began := time.Now()
		r := control.CompiledResult{Server: string(addr)}
		if err := s.compileAt(ctx, p, addr, live, v.Path, &r); err != nil {
			r.Error = err.Error()
		}
		r.Took = time.Since(began).Seconds()
		results = append(results, r)
	}
	return results, nil
}

func (s *Server) compileAt(ctx context.Context, p *fpm.Pool, addr sock.Addr, live, release string, r *control.CompiledResult) error {
	if live != "" && live != release {
		done, err := p.Opcache(ctx, addr, fpm.Task{Do: "compile", From: live, To: release})
		if err != nil {
			return err
		}
		r.Compiled, r.Failed = int(done.Scripts), len(done.Failed)
		if r.Failed > 0 {
			r.FailedFile = done.Failed[0]
		}
	}
	now, err := p.AskAt(ctx, addr, fpm.Question{Dirs: []string{release}})
	if err != nil {
		return err
	}
	if o := now.Opcache; o != nil {
		r.Memory, r.Scripts, r.Full = o.Dirs[release][0], o.Dirs[release][1], o.Full
	}
	return nil
}

// MakeRoom has the opcache of each FPM of the site's pool begin anew that has no room for a
// second release beside the live one, and would have it with nothing but what is live. While
// it does, the pool's requests wait in the queue. PHP would do the same by itself, under
// load, and have every script compiled by visitors.
func (s *Server) MakeRoom(ctx context.Context, name, docroot string) ([]control.RoomResult, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, err
	}
	p, err := st.poolOf(docroot)
	if err != nil {
		return nil, err
	}
	live := st.releases.Live(docroot)
	results := []control.RoomResult{}
	for _, addr := range p.Up() {
		all := s.liveOn(p)
		answer, err := p.AskAt(ctx, addr, fpm.Question{Dirs: append([]string{live}, all...)})
		r := control.RoomResult{Server: string(addr)}
		switch {
		case err != nil:
			r.Error = err.Error()
		default:
			if h := headroomOf(answer, "", live, all); !h.Opcache || h.Fits || !h.Restart {
				continue // of two listeners of one FPM the first has done it for both
			}
			s.beginAnew(ctx, p, addr, all, &r)
		}
		results = append(results, r)
	}
	return results, nil
}

func (s *Server) beginAnew(ctx context.Context, p *fpm.Pool, addr sock.Addr, dirs []string, r *control.RoomResult) {
	limit := min(maxHold, p.Config().QueueTimeout/2)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	letGo, err := p.Hold(ctx)
	if err != nil {
		r.Error = fmt.Sprintf("requests that run did not end within %s, half of queue_timeout at most: %v", limit, err)
		return
	}
	r.Scripts, r.Failed, err = p.Restart(ctx, addr, dirs)
	letGo()
	r.Held = time.Since(began).Seconds()
	if err != nil {
		r.Error = err.Error()
		return
	}
	r.Done = true
	s.log.Info().Str("pool", p.Name).Str("server", string(addr)).Int("scripts", r.Scripts).Float64("held", r.Held).
		Msg("opcache began anew with what is live")
}

// Forget has the opcache of each FPM of the site's pool count what it has of a release as
// wasted. The error is deploy.ErrLive for a release that is live for any site.
func (s *Server) Forget(ctx context.Context, name, docroot, release string) ([]control.ForgottenResult, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, err
	}
	p, err := st.poolOf(docroot)
	if err != nil {
		return nil, err
	}
	release = path.Clean(release)
	for _, other := range s.setup.Load().sites.all {
		for _, docroot := range other.releases.DocrootsOf(release) {
			if other.releases.Live(docroot) == release {
				return nil, fmt.Errorf("%w: %s", deploy.ErrLive, release)
			}
		}
	}
	results := []control.ForgottenResult{}
	for _, addr := range p.Up() {
		r := control.ForgottenResult{Server: string(addr)}
		done, err := p.Opcache(ctx, addr, fpm.Task{Do: "forget", Dirs: []string{release}})
		if r.Scripts, r.Memory = done.Scripts, done.Memory; err != nil {
			r.Error = err.Error()
		}
		results = append(results, r)
	}
	return results, nil
}

// sweep drops, a while after a flip, what opcache has of releases that are gone: those of
// tools that tell nobody. One at a time waits for a site.
func (s *Server) sweep(st *site, docroot string, releases ...string) {
	p, err := st.poolOf(docroot)
	if err != nil || !st.sweeps.CompareAndSwap(false, true) {
		return
	}
	time.AfterFunc(sweepAfter, func() {
		st.sweeps.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), sweepTimeout)
		defer cancel()
		for _, addr := range p.Up() {
			done, err := p.Opcache(ctx, addr, fpm.Task{Do: "forget", Gone: beside(releases...), Keep: s.liveOn(p)})
			switch {
			case err != nil && !errors.Is(err, context.DeadlineExceeded):
				s.log.Debug().Err(err).Str("server", string(addr)).Msg("what opcache has of releases that are gone was not dropped")
			case done.Scripts > 0:
				s.log.Info().Str("site", st.Name).Str("server", string(addr)).Int64("scripts", done.Scripts).Int64("bytes", done.Memory).
					Msg("dropped what opcache had of releases that are gone")
			}
		}
	})
}

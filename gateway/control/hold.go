package control

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// holds know why pools are paused, so that a drain that fails changes nothing:
// it undoes its own pause, and neither one that was there before nor one that
// came while it waited.
type holds struct {
	daemon Pools

	mu    sync.Mutex
	pools map[string]*hold
}

// A hold is a pool that is paused.
type hold struct {
	lasting bool            // by a pause, or by a drain that is done
	drains  int             // that wait
	resumed context.Context // ends when the pool is resumed
	end     context.CancelFunc
}

// pause pauses a pool until it is resumed.
func (hs *holds) pause(pool string) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	h, err := hs.begin(pool)
	if err != nil {
		return err
	}
	h.lasting = true
	return nil
}

// resume resumes a pool, and fails the drains that wait for it.
func (hs *holds) resume(pool string) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.end(pool)
}

// drain pauses a pool and waits until nothing is left in it. When that takes
// longer than limit, or request ends, the pool is as it was before.
func (hs *holds) drain(request context.Context, pool string, limit time.Duration) error {
	h, err := hs.beginDrain(pool)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(h.resumed, limit)
	defer cancel()
	defer context.AfterFunc(request, cancel)()
	err = hs.daemon.Drain(ctx, pool)

	hs.mu.Lock()
	defer hs.mu.Unlock()
	h.drains--
	switch {
	case h.resumed.Err() != nil:
		return apiErrorf(http.StatusConflict, "pool %q was resumed while it drained", pool)
	case err == nil && request.Err() == nil:
		h.lasting = true
		return nil
	}
	return hs.undo(h, pool, limit)
}

// begin pauses a pool that may be paused already. The caller has the lock.
func (hs *holds) begin(pool string) (*hold, error) {
	before := hs.daemon.Paused(pool)
	if err := hs.daemon.Pause(pool); err != nil {
		return nil, fmt.Errorf("pause pool %q: %w", pool, err)
	}
	h := hs.pools[pool]
	if h == nil {
		h = &hold{lasting: before} // by the process before this one
		h.resumed, h.end = context.WithCancel(context.Background())
		hs.pools[pool] = h
	}
	return h, nil
}

func (hs *holds) beginDrain(pool string) (*hold, error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	h, err := hs.begin(pool)
	if err == nil {
		h.drains++
	}
	return h, err
}

// end resumes a pool. The caller has the lock.
func (hs *holds) end(pool string) error {
	if err := hs.daemon.Resume(pool); err != nil {
		return fmt.Errorf("resume pool %q: %w", pool, err)
	}
	if h := hs.pools[pool]; h != nil {
		h.end()
		delete(hs.pools, pool)
	}
	return nil
}

// undo takes back what a drain that has failed did, and says what was in its
// way. The caller has the lock.
func (hs *holds) undo(h *hold, pool string, limit time.Duration) error {
	left, _ := hs.daemon.OwnStatus().pool(pool)
	kept := 0
	for _, s := range left.Servers {
		kept += s.Kept
	}
	what := fmt.Sprintf("requests that run %d, connections kept %d; end them or allow more time", left.Running, kept)
	if h.lasting || h.drains > 0 {
		return apiErrorf(http.StatusConflict, "pool %q did not drain within %s: %s; pool %s stays paused: another command paused it too",
			pool, limit, what, pool)
	}
	if err := hs.end(pool); err != nil {
		return err
	}
	return apiErrorf(http.StatusConflict, "pool %q did not drain within %s and was resumed: %s", pool, limit, what)
}

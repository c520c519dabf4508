package fpm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// maxCarried bounds how many directives may go with every request of a pool. A web
// server sends a handful.
const maxCarried = 64

// ErrNotAsked says that FPM has not told what it has of a directive by itself.
var ErrNotAsked = errors.New("PHP-FPM does not tell what it has of it by itself")

// carried are the directives that anything on a pool has set by PHP_VALUE or
// PHP_ADMIN_VALUE, with FPM's own value of each. FPM leaves what one request sets in the
// worker for the next one, of whichever site; so each of them goes with every request
// of the pool. FPM is asked before the first request that sets a directive goes on: a
// worker that has run such a request does not know its own value any more.
type carried struct {
	own atomic.Pointer[map[string]string] // never changed; nil for none

	mu      sync.Mutex                  // guards the following
	strange map[string]bool             // that PHP does not know, so that nothing stays of them
	asking  chan struct{}               // closed when the answer to the question that runs is here
	keep    func(own map[string]string) // writes it down; set before Start

	writing sync.Mutex // is held while keep runs, by nobody who holds mu
}

// Carried gives the directives that every request of the pool has to set, with FPM's
// own values; nil for none. It is one map until another directive comes, and nobody may
// change it.
func (p *Pool) Carried() *map[string]string { return p.carried.own.Load() }

func (c *carried) known() map[string]string {
	if own := c.own.Load(); own != nil {
		return *own
	}
	return nil
}

// Remember gives what an earlier process has learnt of FPM, and has keep called with
// what is learnt from now on. It may be called before Start.
func (p *Pool) Remember(own map[string]string, keep func(own map[string]string)) {
	c := &p.carried
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep = keep
	if len(own) > 0 {
		c.own.Store(&own)
	}
}

// Carry notes that a request sets directives, before it goes on. The error is
// ErrNotAsked if FPM does not tell its own value of one of them.
func (p *Pool) Carry(ctx context.Context, keys []string) error {
	for {
		asked, err := p.askCarried(ctx, keys)
		if asked == nil {
			return err
		}
		select {
		case <-asked:
		case <-ctx.Done():
			return ErrNotAsked
		}
	}
}

// askCarried asks for what is not known of the keys, unless another question runs:
// then it gives the end of that one.
func (p *Pool) askCarried(ctx context.Context, keys []string) (others <-chan struct{}, err error) {
	c := &p.carried
	c.mu.Lock()
	own := c.known()
	missing := slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		_, known := own[key]
		return known || c.strange[key]
	})
	switch {
	case len(missing) == 0:
		c.mu.Unlock()
		return nil, nil
	case len(own)+len(c.strange)+len(missing) > maxCarried:
		c.mu.Unlock()
		return nil, fmt.Errorf("the web servers of pool %s set more than %d different directives: write some into PHP-FPM's pool", p.Name, maxCarried)
	case c.asking != nil:
		defer c.mu.Unlock()
		return c.asking, nil
	}
	done := make(chan struct{})
	c.asking = done
	c.mu.Unlock()
	is, err := p.askINI(ctx, missing)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking = nil
	close(done)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotAsked, err)
	}
	c.learnLocked(own, missing, is)
	return nil, nil
}

func (c *carried) learnLocked(before map[string]string, asked []string, is map[string]string) {
	own := maps.Clone(before)
	if own == nil {
		own = map[string]string{}
	}
	for _, key := range asked {
		if value, known := is[key]; known {
			own[key] = value
			continue
		}
		if c.strange == nil {
			c.strange = map[string]bool{}
		}
		c.strange[key] = true
	}
	if len(own) > len(before) {
		c.own.Store(&own)
		if c.keep != nil {
			go c.write()
		}
	}
}

// write has the newest map written down, one after the other.
func (c *carried) write() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.keep(c.known())
}

// askINI asks FPM for its settings.
func (p *Pool) askINI(ctx context.Context, keys []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, ownTimeout)
	defer cancel()
	p.mu.Lock()
	l, probe := p.chooseLocked(nil), p.probe
	p.mu.Unlock()
	if l == nil {
		return nil, errors.New("the pool has no listener")
	}
	is, err := p.Config().askBy(p.AskFPM, ctx, l.addr, probe, Question{INI: keys})
	return is.INI, err
}

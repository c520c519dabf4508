package deploy

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
)

// ErrClosed is a release that was drained: no request enters it until it is live again.
var ErrClosed = errors.New("the release was drained, and is closed")

// maxClosed bounds how many closed releases are remembered. One that is forgotten is
// one that many others were drained after.
const maxClosed = 1000

// A closings has the releases that no request enters, by their paths.
type closings struct {
	mu    sync.Mutex // guards the following; it is taken last
	paths map[string]uint64
	count uint64
}

func (c *closings) add(release string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paths == nil {
		c.paths = map[string]uint64{}
	}
	c.count++
	c.paths[release] = c.count
	if len(c.paths) <= maxClosed {
		return
	}
	oldest := release
	for path, at := range c.paths {
		if at < c.paths[oldest] {
			oldest = path
		}
	}
	delete(c.paths, oldest)
}

func (c *closings) open(release string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.paths, release)
}

func (c *closings) has(release string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, has := c.paths[release]
	return has
}

// all are the closed releases, the one that was closed last at the end.
func (c *closings) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Keys(c.paths), func(a, b string) int { return int(c.paths[a]) - int(c.paths[b]) })
}

// Close closes a release, a directory by its absolute path: no request enters it any
// more that its web server has sent there by its own path, until a look at the link
// finds it live. Whoever counts who is inside afterwards has all of them. Commands and
// warm-ups, which an operator asks for, enter it still.
func (r *Resolver) Close(release string) { r.options().closed.add(filepath.Clean(release)) }

// Open undoes Close.
func (r *Resolver) Open(release string) { r.options().closed.open(filepath.Clean(release)) }

// InClosed says whether a path lies in a closed release.
func (r *Resolver) InClosed(path string) bool {
	c := r.options().closed
	c.mu.Lock()
	defer c.mu.Unlock()
	for dir := path; len(dir) > 1; dir = filepath.Dir(dir) {
		if _, has := c.paths[dir]; has {
			return true
		}
	}
	return false
}

// Closed are the releases that are closed, the one that was closed last at the end.
func (r *Resolver) Closed() []string { return r.options().closed.all() }

func (r *Resolver) options() *Options {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.opts
}

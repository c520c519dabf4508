package gateway

import (
	"encoding/json"
	"hash/fnv"
	"sync"
	"time"

	"realdocd/gateway/exposition"
)

// reloads say which configuration is at work, and whether the newest one was taken.
type reloads struct {
	mu     sync.Mutex // guards the following
	hash   float64
	at     time.Time
	failed bool
}

// took notes a configuration that is at work.
func (r *reloads) took(cfg *Config) {
	hash := hashOf(cfg)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hash, r.at, r.failed = hash, time.Now(), false
}

// ReloadFailed notes that a configuration was not taken. Reload notes it by itself; this is for one
// that did not come so far.
func (s *Server) ReloadFailed() {
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	s.reloads.failed = true
}

func (r *reloads) collect(set *exposition.Set) {
	r.mu.Lock()
	defer r.mu.Unlock()
	set.Add(configHash, r.hash)
	set.Add(configGood, flag(!r.failed))
	set.Add(configAt, seconds(r.at))
}

// hashOf is a number that configurations with the same meaning have in common. It has 48
// bits, so that a float has all of them.
func hashOf(cfg *Config) float64 {
	text, err := json.Marshal(cfg) // of texts, numbers and lists of them: it cannot fail
	if err != nil {
		return 0
	}
	h := fnv.New64a()
	h.Write(text)
	return float64(h.Sum64() & (1<<48 - 1))
}

// A buildOf says which realdocd this is.
type buildOf struct{ version, commit, goVersion string }

// SetBuild says which realdocd this is, for the metrics.
func (s *Server) SetBuild(version, commit, goVersion string) {
	s.build.Store(&buildOf{version, commit, goVersion})
}

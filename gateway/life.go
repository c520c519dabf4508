package gateway

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// A phase is where a Server is in its life. "Life" in the package documentation
// says what holds in each.
type phase uint32

const (
	opening phase = iota
	starting
	serving
	reloading
	offering
	yielding
	yielded
	retiring
	stopping
	finishing
	cutting
	ended
)

// phases are their names and which phase each may follow, in the order above.
var phases = [...]struct {
	name    string
	follows []phase
}{
	opening:   {"opening", []phase{starting}},
	starting:  {"starting", []phase{opening}},
	serving:   {"serving", []phase{starting, reloading, offering, yielding}},
	reloading: {"reloading", []phase{serving}},
	offering:  {"offering", []phase{serving}},
	yielding:  {"yielding", []phase{offering}},
	yielded:   {"yielded", []phase{yielding}},
	retiring:  {"retiring", []phase{yielded}},
	stopping:  {"stopping", []phase{opening, serving}},
	finishing: {"finishing", []phase{retiring, stopping}},
	cutting:   {"cutting", []phase{retiring, stopping, finishing}},
	ended:     {"ended", []phase{finishing, cutting}},
}

func (p phase) String() string { return phases[p].name }

// passes says whether whoever has begun the phase ends it soon, without a request
// to wait for.
func (p phase) passes() bool {
	return p == starting || p == reloading || p == offering || p == yielding
}

// accepts says whether connections of web servers are accepted, and will be for a while.
func (p phase) accepts() bool { return p == serving || p == reloading }

// leaves says whether connections of web servers are not to stay: each goes as
// soon as no request runs on it.
func (p phase) leaves() bool { return p >= retiring }

// refusal is why the phase cannot be followed by another that an operator wants.
func (p phase) refusal() error {
	switch p {
	case reloading:
		return errReloading
	case serving:
		return errServing
	case offering, yielding, yielded, retiring:
		return ErrSuccession
	}
	return errNotServing
}

var (
	errServing    = errors.New("realdocd serves already")
	errNotServing = errors.New("realdocd is starting or stopping: try again when it serves")
	errReloading  = errors.New("realdocd is taking another configuration: try again when it has")
)

// A life is the phase that a Server is in. Only become changes it. now may be read
// at any time, and costs one load.
type life struct {
	phase atomic.Uint32

	mu      sync.Mutex    // guards the following, and changes of phase
	changed chan struct{} // closed at the next change; nil if nobody waits for one
}

func (l *life) now() phase { return phase(l.phase.Load()) }

// become begins a phase, if that may follow the present one. Its error is the
// present phase's refusal.
func (l *life) become(next phase) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.becomeLocked(next)
}

func (l *life) becomeLocked(next phase) error {
	now := l.now()
	if !slices.Contains(phases[next].follows, now) {
		return now.refusal()
	}
	l.phase.Store(uint32(next))
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return nil
}

// becomeInTurn is become, after the end of a phase that passes.
func (l *life) becomeInTurn(next phase) error {
	for {
		over, err := l.becomeOrAwait(next)
		if over == nil {
			return err
		}
		<-over
	}
}

// becomeOrAwait is become; over is closed at the end of the phase that was in the
// way, and nil if none was or if that does not pass.
func (l *life) becomeOrAwait(next phase) (over <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err = l.becomeLocked(next); err == nil || !l.now().passes() {
		return nil, err
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed, nil
}

// must is become for who has begun the present phase: nobody else may end it.
func (l *life) must(next phase) {
	if err := l.become(next); err != nil {
		panic(fmt.Sprintf("the Server cannot be %s after %s", next, l.now()))
	}
}

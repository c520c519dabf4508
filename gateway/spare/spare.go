package spare

import (
	"runtime"
	"sync"
	"time"
)

const (
	// enough processors do without a spare one.
	enough = 4
	// atLeast is how long a spare processor stays. Many short calls one after the
	// other then take it once.
	atLeast = 5 * time.Millisecond
)

// spares are the processors that are lent. mu is held while the program stops to change
// their number: who takes one waits for that.
var spares struct {
	mu    sync.Mutex // guards the following
	calls int        // that may block now
	own   int        // processors without the spare ones; known while some are lent
	lent  int
	since time.Time // when the number was last raised
	later bool      // a timer gives back
}

// Take lends the program one more processor until [Return], for a call that may block.
// Calls that block at the same time get one each, up to a total of four processors.
func Take() {
	s := &spares
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	adjustLocked()
}

// Return gives back what Take has lent.
func Return() {
	s := &spares
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls--
	if left := atLeast - time.Since(s.since); s.lent > s.calls && left > 0 {
		if !s.later {
			s.later = true
			time.AfterFunc(left, returnLate)
		}
		return
	}
	adjustLocked()
}

func returnLate() {
	s := &spares
	s.mu.Lock()
	defer s.mu.Unlock()
	s.later = false
	adjustLocked()
}

// During makes a call that may block, with a spare processor.
func During(call func()) {
	Take()
	defer Return()
	call()
}

// adjustLocked lends as many processors as there are calls, within bounds.
func adjustLocked() {
	s := &spares
	if s.lent == 0 {
		s.own = runtime.GOMAXPROCS(0)
	}
	want := max(0, min(s.calls, enough-s.own))
	switch {
	case want > s.lent:
		s.since = time.Now()
	case want == s.lent:
		return
	}
	s.lent = want
	runtime.GOMAXPROCS(s.own + want)
}

package fleet

import (
	"context"
	"sync"
	"time"
)

// A teller tells the daemon where the sites stand, the last word only, and until it has been told.
type teller struct {
	l    *loop
	told chan told
	wake chan struct{}

	mu        sync.Mutex // guards the following
	standings []Standing
	made      time.Time // when: For counts from then on
	last      int64     // counts what is to be told
}

// told is that the daemon was told a version, or that it could not be.
type told struct {
	version int64
	err     error
}

func newTeller(l *loop) *teller {
	return &teller{l: l, told: make(chan told), wake: make(chan struct{}, 1)}
}

// tell has the daemon be told where all sites stand, if force is set, or once all of them have been compared.
func (l *loop) tell(force bool) {
	if !l.listed || !l.viewed || !force {
		return
	}
	var standings []Standing
	compared := true
	for _, s := range l.ordered() {
		if !s.here() {
			continue
		}
		st := l.stand(s)
		st.Since = s.standing.Since
		standings = append(standings, st)
		compared = compared && s.compared
	}
	// A daemon that goes on with what an earlier agent has told it need not hear that this one does not know yet.
	if !compared && l.teller.version() == 0 && time.Since(l.began) < firstTell {
		return
	}
	l.teller.tell(standings)
}

func (t *teller) tell(standings []Standing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.standings, t.made = standings, time.Now()
	t.last++
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// version counts what was to be told.
func (t *teller) version() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// take is what is to be told now. A state that was to follow until now has followed.
func (t *teller) take() ([]Standing, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	passed := time.Since(t.made)
	standings := make([]Standing, len(t.standings))
	for i, st := range t.standings {
		if st.Next != "" {
			if st.For -= passed; st.For <= 0 {
				st.State, st.Why, st.Next, st.NextWhy, st.For = st.Next, st.NextWhy, "", "", 0
			}
		}
		standings[i] = st
	}
	return standings, t.last
}

// run ends with ctx.
func (t *teller) run(ctx context.Context) {
	var wait patience
	for {
		select {
		case <-t.wake:
		case <-ctx.Done():
			return
		}
		standings, version := t.take()
		bounded, stop := context.WithTimeout(ctx, CallLimit)
		err := t.l.Host.Tell(bounded, standings)
		stop()
		select {
		case t.told <- told{version, err}:
		case <-ctx.Done():
			return
		}
		if err == nil {
			wait = patience{}
			continue
		}
		select {
		case t.wake <- struct{}{}: // again
		default:
		}
		if !sleep(ctx, wait.next(100*time.Millisecond, 2*time.Second)) {
			return
		}
	}
}

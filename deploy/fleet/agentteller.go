package fleet

import (
	"context"
	"time"
)

// A teller tells the daemon where the sites stand, one word after the other. What is to be told is made when
// the daemon can be told it, so that many changes cost one word.
type teller struct {
	l    *loop
	mail chan []Standing // to run, while it is free
	told chan told

	// the loop's
	busy bool
	made int64 // counts the words
}

// told is that the daemon was told, or could not be. free says that the teller takes the next word.
type told struct {
	err  error
	free bool
}

func newTeller(l *loop) *teller {
	return &teller{l: l, mail: make(chan []Standing, 1), told: make(chan told)}
}

// tell has the daemon be told where all sites stand, as soon as it can be.
func (l *loop) tell() { l.telling = true }

// next is the word that has all that is known now.
func (t *teller) next() int64 { return t.made + 1 }

// tellNow hands the word to the teller, if that is free, once all sites have been compared.
func (l *loop) tellNow() {
	if !l.listed || !l.viewed || l.teller.busy {
		return
	}
	// A daemon that goes on with what an earlier agent has told it need not hear that this one does not know yet.
	if l.teller.made == 0 && time.Since(l.began) < firstTell {
		for _, s := range l.sites {
			if s.here() && !s.compared {
				return
			}
		}
	}
	var standings []Standing
	for _, s := range l.ordered() {
		if s.here() {
			st := l.stand(s)
			st.Since = s.standing.Since
			standings = append(standings, st)
		}
	}
	l.telling, l.teller.busy = false, true
	l.teller.made++
	l.teller.mail <- standings
}

// run ends with ctx.
func (t *teller) run(ctx context.Context) {
	var wait patience
	say := func(word told) bool {
		select {
		case t.told <- word:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for {
		var standings []Standing
		select {
		case standings = <-t.mail:
		case <-ctx.Done():
			return
		}
		bounded, stop := context.WithTimeout(ctx, CallLimit)
		err := t.l.Host.Tell(bounded, standings)
		stop()
		if !say(told{err, err == nil}) {
			return
		}
		if err == nil {
			wait = patience{}
			continue
		}
		if !sleep(ctx, wait.next(100*time.Millisecond, 2*time.Second)) || !say(told{err, true}) {
			return
		}
	}
}

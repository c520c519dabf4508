package main

import (
	"context"
	"time"
)

// A way leads from nginx to FPM for both sites.
type way struct {
	name        string
	busy, quiet string // URLs

	sent, unsent int
	statuses     map[int]int
	lag          []time.Duration // of the load generator itself
	quietFailed  int

	// A value a round.
	rates, ofBest     []float64       // of the busy site, served a second
	late50, late99    []time.Duration // refusals, past their deadline
	latest            []time.Duration
	calm99, pressed99 []float64 // of the quiet site, without load and under it, in ms
}

// measure loads the way for one round. best is FPM's own rate in this round.
func (w *way) measure(ctx context.Context, best float64) {
	quiet := make(chan *outcomes)
	go func() { quiet <- openLoad{w.quiet, quietRate, busyClients, busyTakes}.send(ctx) }()
	busy := openLoad{w.busy, busyRate, busyClients, busyTakes}.send(ctx)
	pressed := <-quiet

	w.sent += len(busy.all)
	w.unsent += busy.unsent
	for _, one := range busy.all {
		w.statuses[one.status]++
	}
	w.lag = append(w.lag, busy.lag)
	rate := busy.rate(200, settled, busyTakes)
	w.rates, w.ofBest = append(w.rates, rate), append(w.ofBest, rate/best)
	if late := past(busy.took(503)); len(late) > 0 {
		w.late50 = append(w.late50, percentile(late, 50))
		w.late99 = append(w.late99, percentile(late, 99))
		w.latest = append(w.latest, percentile(late, 100))
	}
	w.pressed99 = append(w.pressed99, inMs(percentile(pressed.took(200), 99)))
	w.quietFailed += len(pressed.all) - len(pressed.took(200))
}

// past is how late refusals came. One that came before queue_timeout was
// refused because the queue was full: it was due at once.
func past(refusals []time.Duration) (late []time.Duration) {
	for _, took := range refusals {
		if took >= patience {
			took -= patience
		}
		late = append(late, took)
	}
	return late
}

// measureCalm asks the quiet site while nothing else runs, on all ways at once:
// so few requests do not meet.
func measureCalm(ctx context.Context, ways []*way) {
	calm := make([]chan *outcomes, len(ways))
	for i, w := range ways {
		calm[i] = make(chan *outcomes)
		go func() { calm[i] <- openLoad{w.quiet, quietRate, busyClients, calmTakes}.send(ctx) }()
	}
	for i, w := range ways {
		w.calm99 = append(w.calm99, inMs(percentile((<-calm[i]).took(200), 99)))
	}
}

// broken counts the answers of 502 and those that did not come.
func (w *way) broken() int { return w.statuses[502] + w.statuses[0] }

package main

import (
	"context"
	"time"
)

// A way leads from nginx to FPM for both sites.
type way struct {
	name        string
	busy, quiet string // URLs

	rates, ofBest []float64 // of the busy site, served a second; a value a round
	statuses      map[int]int
	sent, unsent  int
	late          []time.Duration // refusals, past their deadline
	calm, pressed []time.Duration // of the quiet site, without load and under it
	quietFailed   int
}

// measure loads the way for one round. best is FPM's own rate in this round.
func (w *way) measure(ctx context.Context, best float64) {
	quiet := make(chan *outcomes)
	go func() { quiet <- openLoad{w.quiet, quietRate, busyClients, busyTakes}.send(ctx) }()
	busy := openLoad{w.busy, busyRate, busyClients, busyTakes}.send(ctx)

	rate := busy.rate(200, settled, busyTakes)
	w.rates, w.ofBest = append(w.rates, rate), append(w.ofBest, rate/best)
	w.sent += len(busy.all)
	w.unsent += busy.unsent
	for _, one := range busy.all {
		w.statuses[one.status]++
	}
	for _, took := range busy.took(503) {
		w.late = append(w.late, pastDeadline(took))
	}
	pressed := <-quiet
	w.pressed = append(w.pressed, pressed.took(200)...)
	w.quietFailed += len(pressed.all) - len(pressed.took(200))
}

// pastDeadline is how late a refusal came. One that came before queue_timeout
// was refused because the queue was full: it was due at once.
func pastDeadline(took time.Duration) time.Duration {
	if took < patience {
		return took
	}
	return took - patience
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
		w.calm = append(w.calm, (<-calm[i]).took(200)...)
	}
}

// broken counts the answers of 502 and those that did not come.
func (w *way) broken() int { return w.statuses[502] + w.statuses[0] }

func (w *way) quietFactor() float64 {
	return float64(percentile(w.pressed, 99)) / float64(max(percentile(w.calm, 99), 1))
}

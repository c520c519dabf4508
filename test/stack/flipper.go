package stack

import (
	"fmt"
	"time"
)

// Flipper deploys all the time: it makes the second, the first, the second … release of each site live, one flip every period.
type Flipper struct {
	stop chan struct{}
	done chan struct{}
	n    int
	err  error
}

// FlipEvery starts one; Stop ends it.
func FlipEvery(period time.Duration, sites ...*Site) *Flipper {
	f := &Flipper{stop: make(chan struct{}), done: make(chan struct{})}
	go f.run(period, sites)
	return f
}

func (f *Flipper) run(period time.Duration, sites []*Site) {
	defer close(f.done)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-ticker.C:
		}
		f.n++
		for _, site := range sites {
			if err := site.Flip(site.Releases[f.n%2]); err != nil {
				f.err = fmt.Errorf("flip %d of %s: %w", f.n, site.Name, err)
				return
			}
		}
	}
}

// Stop returns how many flips there were, after the last.
func (f *Flipper) Stop() (flips int, err error) {
	close(f.stop)
	<-f.done
	return f.n, f.err
}

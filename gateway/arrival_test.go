package gateway

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// A file system that hangs holds a bounded number of looks, and nobody whose docroot is known.
func TestLooksForDocrootsAreBoundedAndShared(t *testing.T) {
	var a arrivals
	known := &arrival{docroot: "/srv/known"}
	now := time.Now()
	if got := a.find("/srv/known", now, func(string) *arrival { return known }); got != known {
		t.Fatalf("it is %v", got)
	}
	hung, looks := make(chan struct{}), atomic.Int32{}
	hang := func(string) *arrival {
		looks.Add(1)
		<-hung
		return known
	}
	answers := make(chan *arrival, 2*maxLooks)
	for i := range maxLooks {
		go func() { answers <- a.find(fmt.Sprintf("/srv/%d", i), now, hang) }()
		go func() { answers <- a.find(fmt.Sprintf("/srv/%d", i), now, hang) }()
	}
	for looks.Load() < maxLooks {
		time.Sleep(time.Millisecond)
	}
	later := now.Add(2 * arrivalsFor)
	if got := a.find("/srv/known", later, hang); got != known {
		t.Errorf("a known docroot is %v", got)
	}
	if got := a.find("/srv/more", now, hang); got != nil {
		t.Errorf("one more than may be looked for is %v", got)
	}
	close(hung)
	for range 2 * maxLooks {
		if got := <-answers; got != known {
			t.Errorf("it is %v", got)
		}
	}
	if n := looks.Load(); n != maxLooks {
		t.Errorf("looked %d times, want %d", n, maxLooks)
	}
}

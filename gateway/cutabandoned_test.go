package gateway

import (
	"context"
	"testing"

	"realdocd/test/stack"
)

// A web server that leaves in the moment in which the daemon cuts off what runs leaves a
// script behind. Nothing waits for that: it may run for hours.
func TestShutdownDoesNotWaitForWhatIsAbandonedMeanwhile(t *testing.T) {
	for range 100 {
		b := newBench(t).start()
		c, _ := b.running(b.params()...)
		now, cancel := context.WithCancel(t.Context())
		cancel()
		ended := make(chan struct{})
		go c.Close()
		go func() {
			b.server.Shutdown(now)
			close(ended)
		}()
		stack.Receive(t, ended, "the end of Shutdown")
	}
}

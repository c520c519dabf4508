package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/gateway/handover"
)

// fakeSuccessor takes the place of the new process: it says what it is told, and sees what comes.
type fakeSuccessor struct {
	*handover.Peer
	b *bench
}

// handOver begins a handover to a successor that the test plays.
func (b *bench) handOver(ctx context.Context) (*fakeSuccessor, <-chan error) {
	b.t.Helper()
	n, err := b.server.NewSuccessor()
	b.must(err)
	fd, err := syscall.Dup(int(n.File().Fd())) // as a child has it
	b.must(err)
	peer, err := handover.Open(os.NewFile(uintptr(fd), "successor"))
	b.must(err)
	b.t.Cleanup(peer.Close)
	done := make(chan error, 1)
	go func() { done <- n.HandOver(ctx) }()
	return &fakeSuccessor{peer, b}, done
}

// until reads up to a message that is wanted.
func (f *fakeSuccessor) until(wanted func(handover.Message) bool) {
	f.b.t.Helper()
	for {
		m, file, err := f.Receive()
		if file != nil {
			file.Close()
		}
		f.b.must(err)
		if wanted(m) {
			return
		}
	}
}

// A new process may die at any moment of a handover; the old one goes on as if there had been none.
func TestAHandoverThatFailsLeavesTheServerAsItWas(t *testing.T) {
	toSockets := func(f *fakeSuccessor) { f.until(func(m handover.Message) bool { return m.Sockets != nil }) }
	toBegin := func(f *fakeSuccessor) {
		toSockets(f)
		f.Send(handover.Message{Prepared: 1})
		f.until(func(m handover.Message) bool { return m.Begin })
	}
	for name, c := range map[string]struct {
		until func(*fakeSuccessor)
		hangs bool
		want  string
	}{
		"it dies before it is prepared":  {toSockets, false, "did not get ready: it has ended"},
		"it dies before it serves":       {toBegin, false, "did not take over: it has ended"},
		"it hangs before it is prepared": {toSockets, true, "did not get ready: context deadline exceeded"},
		"it hangs before it serves":      {toBegin, true, "did not take over: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newLimited(t, 1).start()
			kept, q := b.running(b.params()...)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			if c.hangs {
				cancel()
				ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
			}
			defer cancel()
			f, failed := b.handOver(ctx)
			c.until(f)
			if !c.hangs {
				f.Close()
			}
			if err := <-failed; err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("the handover: %v, want %q", err, c.want)
			}
			waits := b.waiting(1, "shop") // a new connection, for which there is no place yet
			q.Answer(page)
			b.wantPage(kept)
			b.fpm.Next().Answer(page)
			b.wantPage(waits)
			b.served(kept, "", b.params()...)
			f, failed = b.handOver(t.Context()) // another one gets as far
			toSockets(f)
			f.Close()
			<-failed
		})
	}
}

// The successor has been told that the pool is paused: a resume that only this process heard would be lost.
func TestAResumeDuringAHandoverIsForTheProcessThatServesAfterIt(t *testing.T) {
	b := newBench(t).start()
	b.must(b.server.Pause("www"))
	f, failed := b.handOver(t.Context())
	f.until(func(m handover.Message) bool { return m.Sockets != nil })
	f.Send(handover.Message{Prepared: 1})
	f.until(func(m handover.Message) bool { return m.Begin })
	resume := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		b.server.api.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/pools/www/resume", nil))
		return w
	}
	if w := resume(); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"moved":true`) {
		t.Errorf("the process that hands over answers %d, %s", w.Code, w.Body)
	}
	f.Close()
	if err := <-failed; err == nil {
		t.Fatal("the handover went well")
	}
	if w := resume(); w.Code != http.StatusOK || b.server.OwnStatus().Pools[0].Paused {
		t.Errorf("after a handover that failed: %d, %s", w.Code, w.Body)
	}
}

package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/handover"
	"realdocd/test/stack"
)

// held sends a request of the shop that a hold has wait, as the n-th.
func (b *bench) held(n int64, params ...string) *stack.Client {
	b.t.Helper()
	c := b.connect()
	b.send(c, "", params...)
	stack.Until(b.t, "the request is held", func() bool { return b.server.Status().Sites[0].Held == n })
	return c
}

func TestHold_WaitsForWhoIsInsideAndGivesTheOthersTheNextRelease(t *testing.T) {
	b := newBench(t).start()
	inside, old := b.running(b.params()...)
	type holding struct {
		letGo func()
		err   error
	}
	made := make(chan holding, 1)
	go func() {
		letGo, _, err := b.server.Hold(t.Context(), "shop", "")
		made <- holding{letGo, err}
	}()
	stack.Until(t, "a hold begins", func() bool { return b.server.Status().Sites[0].Holds == 1 })
	first := b.held(1, b.params()...)
	select {
	case <-made:
		t.Fatal("it holds, and a request runs")
	case <-time.After(3 * drainEvery):
	}
	old.Answer(page)
	b.wantPage(inside)
	got := stack.Receive(t, made, "the hold")
	b.must(got.err)
	second := b.held(2, b.params()...)
	b.served(b.connect(), "", stack.ParamsFor(b.docroot("blog"), "GET", "/index.php")...) // of another site, in the same pool
	b.wantMetric(`realdocd_site_held{site="shop"} 2`)
	b.flip("2")
	got.letGo()
	for range 2 {
		q := b.fpm.Next()
		if ran := value(q, "REALDOC_RELEASE"); ran != "2" {
			t.Errorf("a request that was held runs on release %s", ran)
		}
		q.Answer(page)
	}
	b.wantPage(first)
	b.wantPage(second)
	for _, r := range b.shop() {
		if r.Name == "1" && r.Requests != 1 {
			t.Errorf("of release 1 are counted %d requests, want the one that ran", r.Requests)
		}
	}
}

func TestHold_IsGivenUpIfWhatRunsDoesNotEnd(t *testing.T) {
	b := newBench(t).start()
	inside, q := b.running(b.params()...)
	ctx, cancel := context.WithTimeout(t.Context(), 3*drainEvery)
	defer cancel()
	_, left, err := b.server.Hold(ctx, "shop", "")
	if !errors.Is(err, context.DeadlineExceeded) || len(left) != 1 || left[0].Kind != "request" {
		t.Errorf("the hold gave %v, with %+v inside", err, left)
	}
	if st := b.server.Status().Sites[0]; st.Holds != 0 {
		t.Errorf("it holds still: %+v", st)
	}
	q.Answer(page)
	b.wantPage(inside)
	b.served(b.connect(), "", b.params()...)
}

func TestHold_HasTheLimitsOfTheQueue(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].Queue, b.cfg.Pools[0].QueueTimeout = 1, 200*time.Millisecond
	b.start()
	letGo, _, err := b.server.Hold(t.Context(), "shop", "")
	b.must(err)
	defer letGo()
	late := b.held(1, b.params()...)
	c := b.connect()
	b.send(c, "", b.params()...)
	b.wantRefused(c, http.StatusServiceUnavailable)
	b.logged(`"cause":"queue_full"`)
	b.wantRefused(late, http.StatusServiceUnavailable)
	b.logged(`"cause":"queue_timeout"`)
	leaves := b.held(1, b.params()...)
	leaves.Close()
	stack.Until(t, "nobody is held", func() bool { return b.server.Status().Sites[0].Held == 0 })
}

// Its lease is the connection of whoever has made it.
func TestHold_EndsWithItsClient(t *testing.T) {
	b := newBench(t)
	b.cfg.Control = b.dir + "/control"
	b.start()
	client := control.NewClient(b.cfg.Control)
	hold, lost, err := client.Hold(t.Context(), control.SiteAddress{Site: "shop"}, time.Second)
	b.must(err)
	c := b.held(1, b.params()...)
	f, failed := b.handOver(t.Context())
	f.until(func(m handover.Message) bool { return m.Sockets != nil })
	f.Send(handover.Message{Prepared: 1})
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "upgrade when it is over") {
		t.Errorf("a handover while requests are held: %v", err)
	}
	hold.Close()
	stack.Receive(t, lost, "the end of the hold")
	b.fpm.Next().Answer(page)
	b.wantPage(c)
	_, q := b.running(b.params()...)
	busy := (*control.BusyError)(nil)
	if _, _, err := client.Hold(t.Context(), control.SiteAddress{Site: "shop"}, 3*drainEvery); !errors.As(err, &busy) || len(busy.Inside) != 1 {
		t.Errorf("a hold of a site in which a request runs: %v", err)
	}
	q.Answer(page)
	if _, _, err := client.Hold(t.Context(), control.SiteAddress{Site: "shpo"}, time.Second); err == nil {
		t.Errorf("a hold of a site that is not there: %v", err)
	}
}

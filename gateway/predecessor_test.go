package gateway

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/handover"
	"realdocd/gateway/sock"
)

// A fakePredecessor takes the place of the older process.
type fakePredecessor struct {
	*handover.Peer
	asked chan handover.Ask
}

// succeed starts the gateway as the successor of a process that the test plays.
func (b *bench) succeed() *fakePredecessor {
	b.t.Helper()
	peer, file, err := handover.Pair()
	b.must(err)
	b.t.Cleanup(peer.Close)
	peer.Send(handover.Message{Sockets: &handover.Sockets{PID: 7}})
	p, err := NewPredecessor(file)
	b.must(err)
	server := b.newServer()
	peer.Send(handover.Message{Begin: true})
	b.must(server.Succeed(p))
	b.serve(server)
	f := &fakePredecessor{peer, make(chan handover.Ask, 100)}
	go f.listen()
	return f
}

// listen takes what the new process says, and answers nothing.
func (f *fakePredecessor) listen() {
	for {
		m, _, err := f.Receive()
		if err != nil {
			return
		}
		if m.Ask != nil {
			f.asked <- *m.Ask
		}
	}
}

func TestPoolsArePausedAndResumedWithoutAskingThePredecessor(t *testing.T) {
	b := newBench(t)
	b.cfg.Control = b.dir + "/control"
	f := b.succeed()
	client := control.NewClient(b.cfg.Control)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if p, err := client.Pause(ctx, "www", 0); err != nil || !p.Paused {
		t.Errorf("the paused pool is %+v, %v", p, err)
	}
	if p, err := client.Resume(ctx, "www"); err != nil || p.Paused {
		t.Errorf("the resumed pool is %+v, %v", p, err)
	}
	c, q := b.running(b.params()...)
	if _, err := client.Pause(ctx, "www", time.Millisecond); err == nil {
		t.Error("a pool drained in which a request runs")
	}
	q.Answer(page)
	b.wantPage(c)
	select {
	case q := <-f.asked:
		t.Errorf("the predecessor was asked %+v, for whose answer each waits", q)
	default:
	}
}

// A predecessor may hang. Its successor says so, and pauses pools meanwhile.
func TestAPauseDoesNotWaitForAStatusThatAsksThePredecessor(t *testing.T) {
	b := newBench(t)
	b.cfg.Control = b.dir + "/control"
	f := b.succeed()
	client := control.NewClient(b.cfg.Control)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	type answer struct {
		control.Status
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		st, err := client.Status(ctx)
		answers <- answer{st, err}
	}()
	<-f.asked
	if p, err := client.Pause(ctx, "www", 0); err != nil || !p.Paused {
		t.Errorf("the paused pool is %+v, %v", p, err)
	}
	select {
	case a := <-answers:
		t.Errorf("the status came before the pause: %+v", a)
	default:
	}
	a := <-answers
	if a.err != nil || len(a.Retiring) != 1 || a.Retiring[0].PID != 7 || a.Retiring[0].Error == "" {
		t.Errorf("the status is %+v, %v", a.Status, a.err)
	}
}

// What a predecessor has finished with after we have begun to retire goes on to our successor: a
// connection that stayed here would keep this process until its next request.
func TestAConnectionOfThePredecessorGoesThroughAProcessThatRetires(t *testing.T) {
	b := newBench(t)
	before := b.succeed()
	running, q := b.running(b.params()...)
	f, done := b.handOver(t.Context())
	f.until(func(m handover.Message) bool { return m.Sockets != nil })
	f.Send(handover.Message{Prepared: os.Getpid()})
	f.until(func(m handover.Message) bool { return m.Begin })
	f.Send(handover.Message{Serving: true})
	b.must(<-done)
	retired := make(chan []CutOff, 1)
	go func() { retired <- b.server.Retire(t.Context()) }()
	ours, theirs := unaccepted(b)
	defer theirs.Close()
	b.awaitPhase(retiring)
	before.SendSocket(handover.Message{Conn: true}, ours.(sock.FileConn), func(error) { ours.Close() })
	f.until(func(m handover.Message) bool { return m.Conn })
	q.Answer(page)
	b.wantPage(running)
	f.until(func(m handover.Message) bool { return m.Conn }) // the one whose request has ended now
	before.Close()
	if cut := <-retired; len(cut) > 0 {
		t.Errorf("cut off: %v", cut)
	}
}

// Who is in a release that is drained is asked of the predecessor, which lets nobody in from then on.
func TestAPredecessorIsToldWhichReleasesAreClosed(t *testing.T) {
	b := newBench(t)
	f := b.succeed()
	b.served(b.connect(), "", b.params()...)
	b.flip("2")
	ctx, cancel := context.WithTimeout(t.Context(), 3*drainEvery)
	defer cancel()
	b.drainShop(ctx, "1") // which the test does not answer
	for {
		select {
		case q := <-f.asked:
			if q.Site == "shop" && slices.Contains(q.Closed, b.release("shop", "1")) {
				return
			}
		case <-time.After(patience):
			t.Fatal("it was not told")
		}
	}
}

func TestAProcessThatRetiresClosesWhatItsSuccessorHasClosed(t *testing.T) {
	b := newBench(t).start()
	b.served(b.connect(), "", b.params()...)
	b.flip("2")
	b.served(b.connect(), "", b.params()...)
	st := b.server.setup.Load().sites.named("shop")
	if _, err := b.server.occupied("shop", "", []string{b.release("shop", "1")}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.releases.EnterNamed(b.docroot("shop"), b.release("shop", "1"), time.Now()); !errors.Is(err, deploy.ErrClosed) {
		t.Errorf("it is entered: %v", err)
	}
}

// What runs in a predecessor is told too; one that does not know the question, or hangs, is named.
func TestRequests_HaveThoseOfThePredecessor(t *testing.T) {
	for name, row := range map[string]struct {
		answer  func(id uint64) *handover.Answer
		total   int
		unknown string
	}{
		"it tells": {func(id uint64) *handover.Answer {
			return &handover.Answer{ID: id, Requests: &control.Requests{Total: 1, Requests: []control.RunningRequest{{State: "php", What: "GET /old", Site: "shop", Age: 3600}}}}
		}, 2, ""},
		"it is of another version": {func(id uint64) *handover.Answer {
			return &handover.Answer{ID: id, Status: &control.Status{}}
		}, 1, "the process before, with pid 7, is of a version that does not tell"},
		"it hangs": {func(uint64) *handover.Answer { return nil }, 1, "ask the process before, which finishes its requests: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			f := b.succeed()
			_, q := b.running(b.params()...)
			go func() {
				ask := <-f.asked
				if a := row.answer(ask.ID); a != nil && ask.Requests {
					f.Send(handover.Message{Answer: a})
				}
			}()
			running, err := b.server.Requests("shop")
			b.must(err)
			if running.Total != row.total || len(running.Requests) != row.total || running.Unknown != row.unknown {
				t.Errorf("it has %+v", running)
			}
			if row.total == 2 && running.Requests[0].What != "GET /old" {
				t.Errorf("the longest is %+v", running.Requests[0])
			}
			q.Answer(page)
		})
	}
}

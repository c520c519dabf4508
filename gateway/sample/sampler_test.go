package sample

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

const statusPage = "Content-Type: application/json\r\n\r\n" + `{"pool":"www","process manager":"static","start time":1,"accepted conn":%d,"listen queue":3,` +
	`"idle processes":1,"active processes":1,"total processes":2,"max children reached":4,"slow requests":5,` +
	`"processes":[{"pid":7,"state":"Idle","request duration":9,"last request memory":2097152},{"pid":8,"state":"Running","request duration":8}]}`

// newSampler is one of a pool whose status the test answers.
func newSampler(t *testing.T) (*Sampler, *stack.FakeFPM) {
	dir := t.TempDir()
	status := stack.ListenFPM(t, stack.Addr(dir+"/status"))
	p := fpm.New(fpm.Config{Name: "www", Servers: []sock.Addr{sock.Addr(dir + "/fpm")}, StatusServer: sock.Addr(status.Addr), StatusPath: "/status"}, zerolog.Nop())
	s := New(func() []Target { return []Target{{Pool: p, Dirs: func() []string { return nil }}} })
	t.Cleanup(s.Close)
	return s, status
}

func TestLook_HasWhatFPMSays(t *testing.T) {
	s, status := newSampler(t)
	s.Look()
	status.Next().Answer(fmt.Sprintf(statusPage, 42))
	stack.Until(t, "the answer is there", func() bool { return s.Known()["www"].Status != nil })
	st := s.Known()["www"].Status
	if st.Accepted != 42 || st.Queue != 3 || st.Reached != 4 || st.Slow != 5 || len(st.Workers) != 2 || st.Workers[0].Memory != 2<<20 || st.Workers[1].State != "Running" {
		t.Errorf("it has %+v", st)
	}
}

// A scrape must not wait for an FPM that hangs, nor ask it again and again.
func TestLook_DoesNotWaitForAnFPMThatHangs(t *testing.T) {
	s, status := newSampler(t)
	var hours atomic.Int64 // all is always old
	s.now = func() time.Time { return time.Now().Add(time.Duration(hours.Add(1)) * time.Hour) }
	var looks sync.WaitGroup
	began := time.Now()
	for range 20 {
		looks.Go(func() { s.Look() })
	}
	looks.Wait()
	if took := time.Since(began); took > askTimeout/2 {
		t.Errorf("to look took %v", took)
	}
	q := status.Next()
	select {
	case <-status.Requests:
		t.Error("it was asked again while it had not answered")
	default:
	}
	changed := s.Changed()
	q.Close()
	stack.Receive(t, changed, "the end of the question")
	if p := s.Known()["www"]; p.Err == nil || p.Status != nil {
		t.Errorf("of an FPM that broke the answer off it says %+v", p)
	}
}

// However many watch, FPM is asked once a second, and not at all when the last has left.
func TestWatch_AsksOnceForAll(t *testing.T) {
	s, status := newSampler(t)
	var stops []func()
	for range 50 {
		stops = append(stops, s.Watch())
	}
	var at []time.Time
	for i := range 3 {
		q := status.Next()
		at = append(at, time.Now())
		changed := s.Changed()
		q.Answer(fmt.Sprintf(statusPage, i))
		stack.Receive(t, changed, "the answer")
	}
	if took := at[2].Sub(at[0]); took < 3*watchEvery/2 {
		t.Errorf("three questions within %v", took)
	}
	ended := s.stop
	for _, stop := range stops {
		stop()
		stop() // may be called again
	}
	stack.Receive(t, ended, "the end of the watch")
	if s.watchers != 0 || s.stop != nil {
		t.Errorf("%d watch still", s.watchers)
	}
}

package gateway

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway/control"
	"realdocd/gateway/handover"
)

// documentedPhases are the table of the package documentation: which phases each may follow.
func documentedPhases(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "//\tphase ")
	if !found {
		t.Fatal("doc.go has no table of phases")
	}
	table, _, _ = strings.Cut(table, "//\n")
	documented := map[string][]string{}
	for _, line := range strings.Split(table, "\n//\t")[1:] {
		name, rest, _ := strings.Cut(line, " ")
		follows, _, _ := strings.Cut(strings.TrimSpace(rest), "  ")
		documented[name] = strings.Split(follows, ", ")
	}
	return documented
}

func TestOnePhaseFollowsAnotherAsTheDocumentationSays(t *testing.T) {
	documented := documentedPhases(t)
	if len(documented) != len(phases) {
		t.Errorf("%d phases are documented, of %d", len(documented), len(phases))
	}
	for next := range phases {
		for now := range phases {
			l := &life{}
			l.phase.Store(uint32(now))
			err := l.become(phase(next))
			want := slices.Contains(documented[phase(next).String()], phase(now).String())
			if (err == nil) != want {
				t.Errorf("%s after %s: %v, but documented is %v", phase(next), phase(now), err, want)
			}
			if after := l.now(); want && after != phase(next) || !want && after != phase(now) {
				t.Errorf("%s after %s: the phase is %s then", phase(next), phase(now), after)
			}
		}
	}
}

func TestShutdownWaitsForAPhaseThatPasses(t *testing.T) {
	for _, now := range []phase{starting, reloading, offering, yielding} {
		l := &life{}
		l.phase.Store(uint32(now))
		if over, _ := l.becomeOrAwait(stopping); over == nil {
			t.Errorf("stopping follows %s at once", now)
		}
		done := make(chan error)
		go func() { done <- l.becomeInTurn(stopping) }()
		l.must(serving)
		if err := <-done; err != nil || l.now() != stopping {
			t.Errorf("after %s: %v, the phase is %s", now, err, l.now())
		}
	}
	for _, now := range []phase{yielded, retiring, finishing, cutting, ended} {
		l := &life{}
		l.phase.Store(uint32(now))
		if err := l.becomeInTurn(stopping); err == nil {
			t.Errorf("stopping follows %s", now)
		}
	}
}

func TestServeAfterShutdownReturnsAtOnce(t *testing.T) {
	b := newBench(t)
	server := New(b.cfg, b.logger)
	b.must(server.Listen())
	if cut := server.Shutdown(t.Context()); len(cut) > 0 {
		t.Errorf("cut off: %v", cut)
	}
	b.must(server.Serve())
	if err := server.Reload(b.cfg); !errors.Is(err, errNotServing) {
		t.Errorf("Reload: %v", err)
	}
}

func TestAServerThatHasNothingToListenOnDoesNotServe(t *testing.T) {
	b := newBench(t)
	server := New(b.cfg, b.logger)
	if err := server.Serve(); err == nil {
		t.Error("it serves")
	}
	server.Shutdown(t.Context())
}

// A successor may take upgrade_timeout to find out that it cannot start. Nobody is to wait for that.
func TestOperatorsAreAnsweredWhileASuccessorDoesNotGetReady(t *testing.T) {
	b := newBench(t)
	b.cfg.Control = b.dir + "/control"
	b.start()
	f, failed := b.handOver(t.Context())
	f.until(func(m handover.Message) bool { return m.Sockets != nil })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client := control.NewClient(b.cfg.Control)
	if v, err := client.View(ctx); err != nil || len(v.Listen) != 1 {
		t.Errorf("the view is %+v, %v", v, err)
	}
	if p, err := client.Pause(ctx, "www", 0); err != nil || !p.Paused {
		t.Errorf("the paused pool is %+v, %v", p, err)
	}
	if p, err := client.Resume(ctx, "www"); err != nil || p.Paused {
		t.Errorf("the resumed pool is %+v, %v", p, err)
	}
	reloaded := make(chan error, 1)
	go func() { reloaded <- b.server.Reload(b.cfg) }()
	select {
	case err := <-reloaded:
		if !errors.Is(err, ErrSuccession) {
			t.Errorf("a reload meanwhile: %v", err)
		}
	case <-ctx.Done():
		t.Error("a reload waits for the successor")
	}
	b.served(b.connect(), "", b.params()...)
	f.Close()
	if err := <-failed; err == nil {
		t.Error("the handover went well")
	}
	b.must(b.server.Reload(b.cfg))
}

// awaitPhase waits until the gateway is in a phase, or beyond it.
func (b *bench) awaitPhase(wanted phase) {
	b.t.Helper()
	l := &b.server.life
	for expired := time.After(patience); ; {
		l.mu.Lock()
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		now, changed := l.now(), l.changed
		l.mu.Unlock()
		if now >= wanted {
			return
		}
		select {
		case <-changed:
		case <-expired:
			b.t.Fatalf("the Server is %s after %v, not %s", now, patience, wanted)
		}
	}
}

// unaccepted is a connection of a web server that nobody has accepted.
func unaccepted(b *bench) (ours, theirs net.Conn) {
	b.t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	b.must(err)
	return adopt(b, fds[0]), adopt(b, fds[1])
}

// One that comes late, as from a predecessor that has finished a request, must not keep a process that ends.
func TestAConnectionThatComesWhileTheServerStopsIsNotKept(t *testing.T) {
	b := newBench(t).start()
	running, q := b.running(b.params()...)
	cut := shutDown(b, t.Context())
	b.awaitPhase(finishing)
	ours, theirs := unaccepted(b)
	defer theirs.Close()
	b.server.open(ours)
	theirs.SetReadDeadline(time.Now().Add(patience))
	if n, err := theirs.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still open: %d, %v", n, err)
	}
	q.Answer(page)
	b.wantPage(running)
	wantCut(b, cut)
	if b.server.add(&webConn{s: b.server}) {
		t.Error("a connection was taken after the last one had ended: nobody would serve it")
	}
}

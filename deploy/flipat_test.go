package deploy

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFlipAt_RenamesAtTheInstantAndNotBefore(t *testing.T) {
	s := newShop(t)
	s.flip("releases/1")
	at := time.Now().Add(60 * time.Millisecond).Round(0)
	seen := make(chan time.Time, 1)
	go func() {
		for linkText(t, s.root+"/current") == "releases/1" {
			time.Sleep(100 * time.Microsecond)
		}
		seen <- time.Now()
	}()
	renamed, err := FlipAt(t.Context(), s.root+"/current", s.path("2"), at)
	if first := <-seen; err != nil || renamed.Before(at) || first.Before(at) {
		t.Errorf("renamed %v and seen %v after the instant (%v)", renamed.Sub(at), first.Sub(at), err)
	}
	if late := renamed.Sub(at); late > time.Second {
		t.Errorf("it was %v late", late)
	}
	if text := linkText(t, s.root+"/current"); text != "releases/2" {
		t.Errorf("the link leads to %q", text)
	}
}

func TestFlipAt_IsAtOnceIfTheInstantIsOver(t *testing.T) {
	s := newShop(t)
	s.flip("releases/1")
	for i, at := range []time.Time{{}, time.Now().Add(-time.Hour)} {
		began := time.Now()
		to := []string{"2", "1"}[i]
		renamed, err := FlipAt(t.Context(), s.root+"/current", s.path(to), at)
		if err != nil || renamed.Before(began) || linkText(t, s.root+"/current") != "releases/"+to {
			t.Errorf("%v: %v, renamed at %v", at, err, renamed)
		}
	}
}

func TestFlipAt_MakesALinkThatIsNotThere(t *testing.T) {
	s := newShop(t)
	if err := os.Remove(s.root + "/current"); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if _, err := FlipAt(t.Context(), s.root+"/current", s.path("2"), time.Now().Add(10*time.Millisecond)); err != nil {
		t.Error(err)
	}
	if text := linkText(t, s.root+"/current"); text != s.path("2") {
		t.Errorf("the link leads to %q", text)
	}
}

func TestFlipAt_LeavesTheLinkIfItIsCalledOff(t *testing.T) {
	s := newShop(t)
	s.flip("releases/1")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	renamed, err := FlipAt(ctx, s.root+"/current", s.path("2"), time.Now().Add(time.Hour))
	if !errors.Is(err, context.DeadlineExceeded) || !renamed.IsZero() || linkText(t, s.root+"/current") != "releases/1" {
		t.Errorf("%v, renamed at %v", err, renamed)
	}
	if left, _ := os.ReadDir(s.root); len(left) != 2 {
		t.Errorf("something is left: %v", left)
	}
}

func TestFlipAt_RefusesBeforeTheInstantWhatCannotBeDone(t *testing.T) {
	s := newShop(t)
	s.flip("releases/1")
	began := time.Now()
	if _, err := FlipAt(t.Context(), s.root+"/current", s.path("gone"), began.Add(time.Minute)); err == nil || time.Since(began) > 30*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestFlipAt_RunsBeforeOthersForTheMomentOfTheRenameOnly(t *testing.T) {
	realTime := func() (n int) {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, thread := range threads {
			id, _ := strconv.Atoi(thread.Name())
			if attr, err := unix.SchedGetAttr(id, 0); err == nil && attr.Policy == unix.SCHED_FIFO {
				n++
			}
		}
		return n
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may run in real time")
	}
	s := newShop(t)
	s.flip("releases/1")
	at := time.Now().Add(200 * time.Millisecond)
	flipped := make(chan error)
	go func() {
		_, err := FlipAt(t.Context(), s.root+"/current", s.path("2"), at)
		flipped <- err
	}()
	most := 0
	for time.Now().Before(at) {
		most = max(most, realTime())
	}
	if err := <-flipped; err != nil {
		t.Fatal(err)
	}
	if most != 1 {
		t.Errorf("%d threads were before others, want 1", most)
	}
	if n := realTime(); n != 0 {
		t.Errorf("%d threads are before others still", n)
	}
}

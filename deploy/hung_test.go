package deploy

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"realdocd/test/stack"
)

// slowDisk is a file system that hangs from hang to release.
type slowDisk struct {
	hung  atomic.Pointer[chan struct{}]
	looks atomic.Int32
	most  atomic.Int32 // looks at the same time
}

func (d *slowDisk) options() Options {
	return Options{inspect: func(docroot string, opts Options) (Resolved, error) {
		n := d.looks.Add(1)
		defer d.looks.Add(-1)
		d.most.Store(max(n, d.most.Load()))
		if hung := d.hung.Load(); hung != nil {
			<-*hung
		}
		return Inspect(docroot, opts)
	}, read: func(string, []byte) (int, error) { return 0, errors.New("not a link of one step") }}
}

func (d *slowDisk) hang() (release func()) {
	hung := make(chan struct{})
	d.hung.Store(&hung)
	return func() {
		d.hung.Store(nil)
		close(hung)
	}
}

func TestAHungFileSystemDoesNotStopAKnownRelease(t *testing.T) {
	s := newShop(t)
	var disk slowDisk
	r := NewResolver(disk.options())
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	r.docroots[s.docroot()].local = false
	release := disk.hang()
	defer release()
	began := time.Now()
	for range 50 {
		v := enter(t, r, s.docroot())
		wantRelease(t, v, s.path("1"))
		if !errors.Is(v.Stale, errHung) {
			t.Fatalf("stale because of %v", v.Stale)
		}
	}
	// Only the first of them waits.
	if took := time.Since(began); took > 10*staleAfter {
		t.Errorf("50 requests took %v", took)
	}
	if disk.most.Load() > 1 {
		t.Errorf("%d looks at the same time", disk.most.Load())
	}
}

// A busy machine is no reason to tell him that his flip is not seen.
func TestWhoHasFlippedTheLinkWaitsForALookLongerThanARequest(t *testing.T) {
	s := newShop(t)
	var disk slowDisk
	r := NewResolver(disk.options())
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	r.docroots[s.docroot()].local = false
	release := disk.hang()
	s.flip("releases/2")
	if _, err := r.Look(s.docroot()); !errors.Is(err, errHung) {
		t.Errorf("a look that is in a hurry: %v", err)
	}
	time.AfterFunc(3*staleAfter, release)
	if f, err := r.LookPatiently(s.docroot()); err != nil || f == nil || f.Live.Path != s.path("2") {
		t.Errorf("the flip is %+v, %v", f, err)
	}
}

func TestAFileSystemThatAnswersAgainIsBelieved(t *testing.T) {
	s := newShop(t)
	var disk slowDisk
	r := NewResolver(disk.options())
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	r.docroots[s.docroot()].local = false
	release := disk.hang()
	wantRelease(t, enter(t, r, s.docroot()), s.path("1"))
	s.flip("releases/2")
	release()
	// The look that hung ends and one that begins now is waited for.
	var v Visit
	stack.Until(t, "the file system is believed", func() bool {
		v = enter(t, r, s.docroot())
		return v.Stale == nil
	})
	wantRelease(t, v, s.path("2"))
}

func TestRequestsShareTheLookAfterTheirArrival(t *testing.T) {
	s := newShop(t)
	var disk slowDisk
	r := NewResolver(disk.options())
	release := disk.hang()
	names := make(chan string, 20)
	for range cap(names) {
		go func() {
			v, err := r.Enter(s.docroot(), time.Now())
			if err != nil {
				t.Error(err)
			}
			names <- v.Name
		}()
	}
	stack.Until(t, "a look has begun", func() bool { return disk.looks.Load() > 0 })
	release()
	for range cap(names) {
		if name := <-names; name != "1" {
			t.Errorf("release %q", name)
		}
	}
	if disk.most.Load() > 1 {
		t.Errorf("%d looks at the same time", disk.most.Load())
	}
}

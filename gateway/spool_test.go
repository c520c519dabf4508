package gateway

import (
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

// upload begins a request with a body of so many bytes, and sends a part of it.
func (b *bench) upload(size, part int) *stack.Client {
	b.t.Helper()
	c := b.connect()
	b.must(c.Begin(true))
	b.must(c.Params(b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", strconv.Itoa(size))...))
	if part > 0 {
		b.must(c.Stdin(make([]byte, part)))
	}
	return c
}

func TestOfUploadsThatDoNotFitTogetherThoseThatFitGoThrough(t *testing.T) {
	const size = 1 << 20
	b := newBench(t)
	b.cfg.MaxSpool = size * 3 / 2
	b.start()
	first := b.upload(size, size/2)
	reserved := func() int64 {
		b.server.spool.mu.Lock()
		defer b.server.spool.mu.Unlock()
		return b.server.spool.reserved
	}
	stack.Until(t, "the first has its room", func() bool { return reserved() >= size })
	for range 2 { // refused before their bodies come, and again while nothing has changed
		second := b.upload(size, 0)
		if reply := b.wantRefused(second, 503); reply.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		b.must(second.Stdin(make([]byte, size))) // the web server sends it nevertheless
		b.must(second.Stdin(nil))
		if event := b.logged("does not fit beside"); event.String("cause") != "spool_full" {
			t.Errorf("the log has %v", event)
		}
		b.served(second, "", b.params()...)
	}
	large := b.upload(2*size, 0)
	b.wantRefused(large, 507)
	large.Close()
	b.logged("does not fit max_spool (1572864 bytes)")
	b.must(first.Stdin(make([]byte, size/2)))
	b.must(first.Stdin(nil))
	b.fpm.Next().Answer(page)
	b.wantPage(first)
	stack.Until(t, "the room is free again", func() bool { return reserved() == 0 })
	third := b.upload(size, size)
	b.must(third.Stdin(nil))
	b.fpm.Next().Answer(page)
	b.wantPage(third)
}

func TestABodyOfUnknownLengthIsRefusedWhenItGrowsTooLarge(t *testing.T) {
	b := newBench(t)
	b.cfg.MaxSpool = 2 * spoolStep
	b.start()
	c := b.connect()
	b.send(c, string(make([]byte, 3*spoolStep)), b.params("REQUEST_METHOD", "POST")...)
	b.wantRefused(c, 503)
	b.served(c, "", b.params()...)
}

func TestABodyThatTheDiskHasNoRoomForIsRefusedBeforeItComes(t *testing.T) {
	b := newBench(t)
	b.cfg.SpoolDir = b.dir + "/tmpfs"
	b.must(unix.Mkdir(b.cfg.SpoolDir, 0o700))
	if err := unix.Mount("tmpfs", b.cfg.SpoolDir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a tmpfs cannot be mounted: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(b.cfg.SpoolDir, unix.MNT_DETACH) })
	b.start()
	large := b.upload(2<<20, 0)
	b.wantRefused(large, 507)
	large.Close()
	if event := b.logged("which has room for"); event.String("cause") != "spool_too_small" {
		t.Errorf("the log has %v", event)
	}
	b.upload(600<<10, 300<<10)
	stack.Until(t, "the first has its room", func() bool {
		b.server.spool.mu.Lock()
		defer b.server.spool.mu.Unlock()
		return b.server.spool.written > 100<<10
	})
	second := b.upload(600<<10, 0)
	b.wantRefused(second, 503)
	second.Close()
	b.logged("at the moment") // of what is free, the first's rest is promised
}

func TestRoomOnDiskIsPromisedOnce(t *testing.T) {
	dir := t.TempDir()
	free, err := freeIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s spool
	most := free / 3 * 2
	if err := s.reserve(most, 0, dir); err != nil {
		t.Fatal(err)
	}
	if err := s.reserve(most, 0, dir); causeOf(err) != causeSpoolFull {
		t.Errorf("the same room again: %v", err)
	}
	if err := s.reserve(2*free, 0, dir); causeOf(err) != causeSpoolTooSmall {
		t.Errorf("more than there is: %v", err)
	}
	s.release(most, 0)
	if err := s.reserve(most, 0, dir); err != nil {
		t.Errorf("room that was given back: %v", err)
	}
	if err := s.reserve(1, 0, dir+"/none"); causeOf(err) != causeSpool {
		t.Errorf("a directory that is not there: %v", err)
	}
}

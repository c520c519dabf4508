package gateway

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"realdocd/gateway/sock"
	"realdocd/gateway/spare"
)

// A spool is the room for bodies that are too large for memory. A body whose length is
// known has all of its room before its first byte is read: of several that do not fit
// together some go through, and the others are refused at once, instead of all failing
// half-way.
type spool struct {
	mu       sync.Mutex // guards the following
	reserved int64      // bytes that bodies have or may have yet
	written  int64      // that they have
}

// spoolStep is what a body of unknown length reserves at a time.
const spoolStep = 1 << 20

// reserve takes room for n bytes more in dir. limit bounds what all bodies have; 0 is as
// much as the file system has.
func (s *spool) reserve(n, limit int64, dir string) error {
	if limit > 0 && n > limit {
		return refuse(causeSpoolTooSmall, "a body of %d bytes does not fit max_spool (%d bytes): raise it", n, limit)
	}
	s.mu.Lock()
	written := s.written
	s.mu.Unlock()
	free, err := freeIn(dir)
	if err != nil {
		return refuse(causeSpool, "spool request body: %w; make the directory or set spool_dir", err)
	}
	if n > free+written {
		return refuse(causeSpoolTooSmall, "a body of %d bytes does not fit %s, which has room for %d: make room there or set spool_dir", n, dir, free+written)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// What was written since the look counts as to be written: rather too much than too little.
	switch {
	case limit > 0 && s.reserved+n > limit:
		return refuse(causeSpoolFull, "a body of %d bytes does not fit beside %d bytes of others at the moment, of at most max_spool (%d bytes)", n, s.reserved, limit)
	case n > free-(s.reserved-written):
		return refuse(causeSpoolFull, "a body of %d bytes does not fit %s at the moment: %d bytes are free, and %d of them promised", n, dir, free, s.reserved-written)
	}
	s.reserved += n
	return nil
}

// taken is how many bytes of room bodies have.
func (s *spool) taken() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reserved
}

// wrote counts what a body has taken of its room.
func (s *spool) wrote(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written += n
}

// release gives the room of a body back.
func (s *spool) release(reserved, written int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved -= reserved
	s.written -= written
}

// freeIn is how many bytes there are for this process on the file system of dir.
func freeIn(dir string) (int64, error) {
	var st unix.Statfs_t
	var err error
	spare.During(func() { err = unix.Statfs(dir, &st) })
	if err != nil {
		return 0, fmt.Errorf("see how much room %s has: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// spoolDir is where bodies are spooled.
func (c *Config) spoolDir() string {
	if c.SpoolDir != "" {
		return c.SpoolDir
	}
	return os.TempDir()
}

// spoolError is why a part of a body could not be written.
func spoolError(err error) error {
	switch {
	case sock.IsOwn(err):
		return refuse(causeOwnLimit, "spool request body: realdocd itself has run short: %w; raise LimitNOFILE", err)
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return refuse(causeSpoolTooSmall, "spool request body: %w; make room there or set spool_dir", err)
	}
	return refuse(causeSpool, "spool request body: %w; make room there or set spool_dir", err)
}

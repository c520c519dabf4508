package deploy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// FlipAt is [Flip] at an instant of this host's clock, or at once if that is zero or over. A link
// that is not there is made, as by [CreateLink]. All that may fail is done before; at the instant
// there is only the rename. renamed is when that was; it is zero as long as the link is the old
// one, and set together with an error if the new one is not known to be durable. If ctx ends
// before the instant, the link stays the old one.
func FlipAt(ctx context.Context, link, release string, at time.Time) (renamed time.Time, err error) {
	m := &moment{ctx: ctx, at: at}
	if _, lstat := os.Lstat(link); errors.Is(lstat, fs.ErrNotExist) {
		err = createLink(link, release, m)
	} else {
		err = flip(link, release, m)
	}
	return m.renamed, err
}

// A moment is when a link is renamed; the zero one is now.
type moment struct {
	ctx     context.Context
	at      time.Time
	renamed time.Time // zero as long as it is not
}

// nearly is how long before an instant the kernel is asked to wake us, and no timer of Go's
// runtime, which is late by up to a millisecond.
const nearly = 5 * time.Millisecond

// await returns at the instant, or with the error of ctx. A clock that is set meanwhile makes it
// neither longer nor shorter.
func (m *moment) await() error {
	if m.at.IsZero() {
		return nil
	}
	until := time.Now().Add(time.Until(m.at))
	timer := time.NewTimer(time.Until(until) - nearly)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.ctx.Done():
	}
	for m.ctx.Err() == nil {
		left := time.Until(until)
		if left <= 0 {
			return nil
		}
		rest := unix.NsecToTimespec(left.Nanoseconds())
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &rest, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("clock_nanosleep", err)
		}
	}
	return m.ctx.Err()
}

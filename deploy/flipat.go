package deploy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
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
	calm    func()    // ends what first has begun; nil if nothing has
}

// nearly is how long before an instant the kernel is asked to wake us, and no timer of Go's
// runtime, which is late by up to a millisecond, and by more if processors are busy.
const nearly = 50 * time.Millisecond

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
	m.first()
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

// first has this thread run before all that is not in real time, until over: where PHP keeps all processors busy, it
// would be late by as long as the others have their turns. Who may not (RLIMIT_RTPRIO) waits for his turn.
// The goroutine stays on the thread, and a thread that is locked is not where Go's runtime makes others.
func (m *moment) first() {
	runtime.LockOSThread()
	before, err := unix.SchedGetAttr(0, 0)
	if err == nil {
		err = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	}
	m.calm = func() {
		if err == nil {
			unix.SchedSetAttr(0, before, 0) // less is never refused
		}
		runtime.UnlockOSThread()
	}
}

// over has the thread be one of many again.
func (m *moment) over() {
	if m.calm != nil {
		m.calm()
		m.calm = nil
	}
}

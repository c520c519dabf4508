package fleet

import (
	"time"

	"golang.org/x/sys/unix"
)

// A nap is the last sleep of the machine that was noticed. What an agent counts on for a while it counts by the
// time of its process, which stands still while the machine sleeps: a host that wakes up would
// think that it has just heard from the store, and be ready, when others have gone on without it.
type nap struct {
	slept   time.Duration // of the machine, since it was started
	length  time.Duration
	noticed time.Time
}

// napLeast is how much two clocks of the kernel may be apart that are read one after the other.
const napLeast = 50 * time.Millisecond

// notice takes in how long the machine has slept since it was started. Nobody counts on anything for longer
// than longest: what began before the nap before this one is over then, unless that was just now.
func (n *nap) notice(slept, longest time.Duration) {
	length := slept - n.slept
	if length <= napLeast {
		return
	}
	if time.Since(n.noticed) < longest {
		length += n.length
	}
	n.slept, n.length, n.noticed = slept, length, time.Now()
}

// ends is when something is over that was to take so long until an end, and counts sleep.
func (n *nap) ends(end time.Time, takes time.Duration) time.Time {
	if n.length > 0 && !end.Add(-takes).After(n.noticed) {
		return end.Add(-n.length)
	}
	return end
}

// slept is how long the machine has slept, by two clocks of which one counts that.
func slept() time.Duration {
	var boot, awake unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0
	}
	return time.Duration(boot.Nano() - awake.Nano())
}

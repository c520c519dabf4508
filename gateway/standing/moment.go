package standing

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Moment is a time of this boot of the machine: of CLOCK_BOOTTIME.
type Moment time.Duration

// Now is the present moment.
func Now() Moment {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(fmt.Sprintf("the kernel has no CLOCK_BOOTTIME: %v", err)) // Linux has it since 2.6.39
	}
	return Moment(ts.Nano())
}

// After is the moment that long after m.
func (m Moment) After(d time.Duration) Moment { return m + Moment(d) }

// Until is how long it is from now to m; less than 0 if m is over.
func (m Moment) Until(now Moment) time.Duration { return time.Duration(m - now) }

// BootID is a text that is another one after each boot of the machine.
func BootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("learn which boot of the machine this is: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

package gateway

import "time"

// epoch is when the process began. Times that are kept as numbers, and compared later, are
// counted from there: the clock of the machine may step. A step by an hour would end all
// that is waited for, or keep the log silent for that long.
var epoch = time.Now().Add(-time.Nanosecond)

// sinceEpoch is a time as a number, never 0 or less. now must be one of [time.Now], with its
// monotonic reading.
func sinceEpoch(now time.Time) time.Duration { return now.Sub(epoch) }

package gateway

import (
	"sync/atomic"
	"time"
)

// A limiter lets one of many like events through every logEvery.
type limiter struct{ last atomic.Int64 }

func (l *limiter) allow(now time.Time) bool {
	last := l.last.Load()
	return now.UnixNano()-last >= int64(logEvery) && l.last.CompareAndSwap(last, now.UnixNano())
}

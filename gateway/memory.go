package gateway

import (
	"errors"
	"sync/atomic"
)

// A budget bounds, in bytes, what all unfinished requests of a Server hold in memory
// together: params, the bodies that are not in a file, and the long records of which a
// part has come. Each of them alone is bounded too, but there may be many.
type budget struct {
	limit int64
	used  atomic.Int64
}

// What the memory for requests is: a quarter of the machine's or of the cgroup's, within
// these bounds.
const (
	leastMemory = 32 << 20
	mostMemory  = 256 << 20
)

// paramsCost is how many bytes of memory a byte of params takes: it is there as it came,
// and again as FPM gets it.
const paramsCost = 2

var errMemory = errors.New("all unfinished requests together hold as much memory as they may")

func newBudget() *budget {
	return &budget{limit: min(max(TotalMemory()/4, leastMemory), mostMemory)}
}

// take takes n bytes; false if they are not left.
func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) <= b.limit {
		return true
	}
	b.used.Add(int64(-n))
	return false
}

// give gives bytes back that were taken.
func (b *budget) give(n int64) {
	if n > 0 {
		b.used.Add(-n)
	}
}

// takeMemory takes n bytes until the request ends; false if they are not left.
func (rq *request) takeMemory(n int) bool {
	if !rq.conn.s.memory.take(n) {
		return false
	}
	rq.memory += int64(n)
	return true
}

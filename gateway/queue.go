package gateway

import (
	"container/heap"
	"container/list"
	"time"
)

// A queue has the requests that wait for a place in a pool. Each link has its
// own line; the next place goes to the line with the fewest requests in FPM, so
// that a site with many or slow requests takes no more than its share, and among
// equals to whoever has waited longest. It is guarded by its pool's mutex.
type queue struct {
	lines   map[lineKey]*line // those with a request in FPM or in the queue
	waiting lineHeap          // those with one in the queue
	len     int
}

// lineKey tells whose requests stand in one line: of a site with a pattern,
// each link by itself.
type lineKey struct{ site, link string }

// A line is what one site has in a pool.
type line struct {
	key     lineKey
	running int       // requests in FPM that were counted when they came
	waiters list.List // of *waiter, the oldest first
	at      int       // in the heap; -1 is not
}

// A waiter is a request in the queue. Who takes it out of its line sends on
// done, once.
type waiter struct {
	pool  *pool
	line  *line
	in    *list.Element // of line.waiters; nil when it was taken out
	rq    *request
	since time.Time
	done  chan error // nil when the request has a place
}

func (q *queue) line(key lineKey) *line {
	l := q.lines[key]
	if l == nil {
		if q.lines == nil {
			q.lines = map[lineKey]*line{}
		}
		l = &line{key: key, at: -1}
		q.lines[key] = l
	}
	return l
}

// push puts a waiter at the end of its line.
func (q *queue) push(w *waiter) {
	l := w.line
	w.in = l.waiters.PushBack(w)
	q.len++
	if l.at < 0 {
		heap.Push(&q.waiting, l)
	}
}

// take takes a waiter out of its line.
func (q *queue) take(w *waiter) {
	l := w.line
	l.waiters.Remove(w.in)
	w.in = nil
	q.len--
	if l.waiters.Len() == 0 {
		heap.Remove(&q.waiting, l.at)
		q.forget(l)
		return
	}
	heap.Fix(&q.waiting, l.at)
}

// next is the waiter whose turn it is; nil when nobody waits.
func (q *queue) next() *waiter {
	if len(q.waiting) == 0 {
		return nil
	}
	return q.waiting[0].oldest()
}

// newestOfLongest is who makes room for a request of the line l when the queue
// is full: the newest of the longest line, or nil where l would then be as long.
func (q *queue) newestOfLongest(l *line) *waiter {
	longest := l
	for _, other := range q.waiting {
		if other.waiters.Len() > longest.waiters.Len() {
			longest = other
		}
	}
	if longest.waiters.Len() <= l.waiters.Len()+1 {
		return nil
	}
	return longest.waiters.Back().Value.(*waiter)
}

// longest is since when the first of all waiters waits; zero when there is none.
func (q *queue) longest() (since time.Time) {
	for _, l := range q.waiting {
		if w := l.oldest(); since.IsZero() || w.since.Before(since) {
			since = w.since
		}
	}
	return since
}

// count adds to the line's requests in FPM.
func (q *queue) count(l *line, n int) {
	l.running += n
	if l.at >= 0 {
		heap.Fix(&q.waiting, l.at)
		return
	}
	q.forget(l)
}

func (q *queue) forget(l *line) {
	if l.running == 0 && l.waiters.Len() == 0 {
		delete(q.lines, l.key)
	}
}

func (l *line) oldest() *waiter { return l.waiters.Front().Value.(*waiter) }

// A lineHeap has the line whose turn it is first.
type lineHeap []*line

func (h lineHeap) Len() int { return len(h) }

func (h lineHeap) Less(i, j int) bool {
	if h[i].running != h[j].running {
		return h[i].running < h[j].running
	}
	return h[i].oldest().since.Before(h[j].oldest().since)
}

func (h lineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push adds the line x; for package heap.
func (h *lineHeap) Push(x any) {
	l := x.(*line)
	l.at = len(*h)
	*h = append(*h, l)
}

// Pop removes the last line; for package heap.
func (h *lineHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	*h, l.at = (*h)[:last], -1
	return l
}

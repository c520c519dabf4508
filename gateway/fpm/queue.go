package fpm

import (
	"container/heap"
	"container/list"
	"errors"
	"time"
)

// A queue has the requests that wait for a place in a pool. It is fair between flows: a
// flow is the requests of one site, or of one link of a site with a pattern. The next
// place goes to the flow with the fewest requests in FPM, so that a site with many or
// slow requests takes no more than its share; among equals it goes to whoever has waited
// longest. A flow that has as many as it may have waits, and others pass it. The pool's mutex guards it.
type queue struct {
	flows   map[Flow]*flow // those with a request in FPM or in the queue
	waiting flowHeap       // those with one in the queue
	len     int
	unused  *flow // the one that was dropped last, for the next
}

// A Flow names whose requests share one turn: those of a site, or, if its docroot is a
// pattern, those of one link of it.
type Flow struct{ Site, Link string }

// A flow is what one Flow has in a pool.
type flow struct {
	key     Flow
	limit   int       // of running; 0 is none
	running int       // requests in FPM that were counted when they came
	waiters list.List // of *waiter, the oldest first
	at      int       // in the heap; -1 is not
}

// A waiter is a request in the queue. Whoever takes it out of its flow sends on done,
// once.
type waiter struct {
	pool  *Pool
	flow  *flow
	in    *list.Element // of flow.waiters; nil once it was taken out
	place *Place
	since time.Time
	done  chan error // nil: the request has a place
}

// errInterrupted is a wait that was ended by Interrupt.
var errInterrupted = errors.New("the wait was interrupted")

func (q *queue) flow(key Flow) *flow {
	f := q.flows[key]
	if f == nil {
		if q.flows == nil {
			q.flows = map[Flow]*flow{}
		}
		if f, q.unused = q.unused, nil; f == nil {
			f = &flow{}
		}
		f.key, f.at = key, -1
		q.flows[key] = f
	}
	return f
}

// push puts a waiter at the end of its flow.
func (q *queue) push(w *waiter) {
	f := w.flow
	w.in = f.waiters.PushBack(w)
	q.len++
	if f.at < 0 {
		heap.Push(&q.waiting, f)
	}
}

// take takes a waiter out of its flow.
func (q *queue) take(w *waiter) {
	f := w.flow
	f.waiters.Remove(w.in)
	w.in = nil
	q.len--
	if f.waiters.Len() == 0 {
		heap.Remove(&q.waiting, f.at)
		q.forget(f)
		return
	}
	heap.Fix(&q.waiting, f.at)
}

// next is the waiter whose turn it is; nil if nobody waits who may run.
func (q *queue) next() *waiter {
	if len(q.waiting) == 0 {
		return nil
	}
	if q.waiting[0].isFull() {
		return nil // and so are all others
	}
	return q.waiting[0].oldest()
}

// bound sets how many requests of a flow may run at once.
func (q *queue) bound(f *flow, limit int) {
	if f.limit == limit {
		return
	}
	f.limit = limit
	if f.at >= 0 {
		heap.Fix(&q.waiting, f.at)
	}
}

// mayRun is how many of the waiters a place would help.
func (q *queue) mayRun() (sum int) {
	for _, f := range q.waiting {
		n := f.waiters.Len()
		if f.limit > 0 {
			n = min(n, max(0, f.limit-f.running))
		}
		sum += n
	}
	return sum
}

// newestOfLongest is who makes room for a request of the flow f when the queue is full:
// the newest of the longest flow, or nil if f would then be as long.
func (q *queue) newestOfLongest(f *flow) *waiter {
	longest := f
	for _, other := range q.waiting {
		if other.waiters.Len() > longest.waiters.Len() {
			longest = other
		}
	}
	if longest.waiters.Len() <= f.waiters.Len()+1 {
		return nil
	}
	return longest.waiters.Back().Value.(*waiter)
}

// longest is since when the first of all waiters waits; zero if there is none.
func (q *queue) longest() (since time.Time) {
	for _, f := range q.waiting {
		if w := f.oldest(); since.IsZero() || w.since.Before(since) {
			since = w.since
		}
	}
	return since
}

// count adds to the flow's requests in FPM.
func (q *queue) count(f *flow, n int) {
	f.running += n
	if f.at >= 0 {
		heap.Fix(&q.waiting, f.at)
		return
	}
	q.forget(f)
}

// forget drops a flow that has nothing in FPM and nothing in the queue.
func (q *queue) forget(f *flow) {
	if f.running == 0 && f.waiters.Len() == 0 {
		delete(q.flows, f.key)
		q.unused = f
	}
}

// isFull says whether the flow has as many requests in FPM as it may have.
func (f *flow) isFull() bool { return f.limit > 0 && f.running >= f.limit }

func (f *flow) oldest() *waiter { return f.waiters.Front().Value.(*waiter) }

// A flowHeap has the flow whose turn it is first.
type flowHeap []*flow

func (h flowHeap) Len() int { return len(h) }

func (h flowHeap) Less(i, j int) bool {
	if full := h[i].isFull(); full != h[j].isFull() {
		return !full
	}
	if h[i].running != h[j].running {
		return h[i].running < h[j].running
	}
	return h[i].oldest().since.Before(h[j].oldest().since)
}

func (h flowHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push adds the flow x; for package heap.
func (h *flowHeap) Push(x any) {
	f := x.(*flow)
	f.at = len(*h)
	*h = append(*h, f)
}

// Pop removes the last flow; for package heap.
func (h *flowHeap) Pop() any {
	last := len(*h) - 1
	f := (*h)[last]
	*h, f.at = (*h)[:last], -1
	return f
}

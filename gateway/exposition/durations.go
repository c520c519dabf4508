package exposition

import (
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// Bounds are the upper ends of the buckets of Durations, in seconds: from a kept
// connection's microseconds to a slow script's minute.
var Bounds = [...]float64{.0001, .00025, .001, .0025, .01, .025, .1, .25, 1, 2.5, 10, 30, 60}

// limits are Bounds, to compare with.
var limits = func() (in [len(Bounds)]time.Duration) {
	for i, b := range Bounds {
		in[i] = time.Duration(b * float64(time.Second))
	}
	return in
}()

// Durations count how long something took, by buckets. Its size is fixed, and the zero
// value is ready. Any goroutine may observe.
type Durations struct {
	buckets [len(Bounds) + 1]atomic.Uint64 // the last is of what is above all bounds
	sum     atomic.Int64                   // nanoseconds
}

// Observe counts one that took so long.
func (d *Durations) Observe(took time.Duration) {
	i := 0
	for i < len(limits) && took > limits[i] {
		i++
	}
	d.buckets[i].Add(1)
	d.sum.Add(int64(took))
}

// Totals are how many were observed, and how long all of them took.
func (d *Durations) Totals() (n uint64, sum time.Duration) {
	for i := range d.buckets {
		n += d.buckets[i].Load()
	}
	return n, time.Duration(d.sum.Load())
}

// AddTo adds what was observed to another, which is a sum of several.
func (d *Durations) AddTo(sum *Durations) {
	for i := range d.buckets {
		sum.buckets[i].Add(d.buckets[i].Load())
	}
	sum.sum.Add(d.sum.Load())
}

// histogram has the buckets as Prometheus wants them: each with those below it.
func (d *Durations) histogram() *dto.Histogram {
	below := make([]uint64, len(d.buckets))
	buckets := make([]dto.Bucket, len(Bounds))
	h := &dto.Histogram{Bucket: make([]*dto.Bucket, len(Bounds))}
	n := uint64(0)
	for i := range d.buckets {
		n += d.buckets[i].Load()
		below[i] = n
		if i < len(Bounds) {
			buckets[i].UpperBound, buckets[i].CumulativeCount = &Bounds[i], &below[i]
			h.Bucket[i] = &buckets[i]
		}
	}
	seconds := time.Duration(d.sum.Load()).Seconds()
	h.SampleCount, h.SampleSum = &n, &seconds
	return h
}

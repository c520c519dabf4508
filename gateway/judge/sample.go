package judge

import (
	"math"
	"time"
)

const (
	// Buckets is how many kinds of times are told apart. A kind is longer than the one
	// before by a tenth.
	Buckets = 128
	// shortest is the upper bound of the first kind; the last one has no bound.
	shortest = 500 * time.Microsecond
	growth   = 1.1
)

// BucketOf is the kind of a time in PHP.
func BucketOf(took time.Duration) int {
	if took <= shortest {
		return 0
	}
	return min(Buckets-1, 1+int(math.Log(float64(took)/float64(shortest))/math.Log(growth)))
}

// TimeOf is the longest time of a kind; for the last one, the shortest.
func TimeOf(bucket int) time.Duration {
	return time.Duration(float64(shortest) * math.Pow(growth, float64(min(bucket, Buckets-2))))
}

// A Sample is what requests of one class on one release came to.
type Sample struct {
	// Requests are those that ended, and Failed those of them that failed.
	Requests, Failed uint32
	// Times are how many of those that did not fail took a time of each kind. Those
	// that were cold are not among them.
	Times [Buckets]uint32
}

// Observe adds a request. cold is that its time says nothing; see Cold.
func (s *Sample) Observe(failed bool, took time.Duration, cold bool) {
	s.Requests++
	switch {
	case failed:
		s.Failed++
	case !cold:
		s.Times[BucketOf(took)]++
	}
}

// Add adds another sample of the same class and release.
func (s *Sample) Add(other *Sample) {
	s.Requests += other.Requests
	s.Failed += other.Failed
	for i, n := range &other.Times {
		s.Times[i] += n
	}
}

// Take takes away a sample that is a part of it.
func (s *Sample) Take(part *Sample) {
	s.Requests -= min(part.Requests, s.Requests)
	s.Failed -= part.Failed
	for i, n := range &part.Times {
		s.Times[i] -= n
	}
}

// Round has it have as many requests as it has failures and times, at least.
func (s *Sample) Round() { s.Requests = max(s.Requests, s.Failed+s.timed()) }

// timed is how many requests have a time.
func (s *Sample) timed() (n uint32) {
	for _, c := range &s.Times {
		n += c
	}
	return n
}

// above is how many took longer than a kind.
func (s *Sample) above(bucket int) (n uint32) {
	for _, c := range s.Times[max(0, min(bucket+1, Buckets)):] {
		n += c
	}
	return n
}

// quantile is the kind of time that a share of the requests does not exceed.
func (s *Sample) quantile(share float64) int {
	left := share * float64(s.timed())
	for i, c := range &s.Times {
		if left -= float64(c); left <= 0 {
			return i
		}
	}
	return Buckets - 1
}

const (
	coldRequests = 20
	coldFor      = 15 * time.Second
)

// Cold says whether the time of a request is left out, because opcache and what the
// application compiles for itself may not be warm: it is one of the first twenty of its
// class on the release, of which before came earlier, or the release has served for less
// than 15 seconds.
func Cold(before uint64, served time.Duration) bool {
	return before < coldRequests || served < coldFor
}

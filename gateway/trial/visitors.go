package trial

import (
	"hash/maphash"
	"sync/atomic"
)

// A visitorSet remembers which visitors have counted for which class of a trial. It forgets
// one when another falls into its place, which then counts once more.
type visitorSet [1 << 14]atomic.Uint64

// first says whether a visitor has not counted for a class yet. A request without a pin is
// a visitor of its own: nothing keeps it on a release.
func (vs *visitorSet) first(pin []byte, class uint64) bool {
	if len(pin) == 0 {
		return true
	}
	h := maphash.Bytes(classSeed, pin) ^ class
	h |= 1 // 0 is nobody
	return vs[h>>8%uint64(len(vs))].Swap(h) != h
}

package fcgi

import "testing"

// One request with many params must not make every collector large for good.
func TestCollector_KeepsNoMemoryOfAnUnusualRequest(t *testing.T) {
	var c Collector
	for _, row := range []struct {
		size  int
		keeps bool
	}{{4 << 10, true}, {MaxParams, false}} {
		if err := c.Add(make([]byte, row.size)); err != nil {
			t.Fatal(err)
		}
		c.Reset()
		if kept := cap(c.buf); row.keeps != (kept >= row.size) || kept > 64<<10 {
			t.Errorf("of %d bytes the room for %d is kept", row.size, kept)
		}
	}
}

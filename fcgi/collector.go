package fcgi

// A Collector gathers the PARAMS stream of one request from all the records
// that it comes in: a pair may begin in one and end in the next.
type Collector struct{ buf []byte }

// Add takes the content of one PARAMS record. It fails with [ErrParamsTooLong].
func (c *Collector) Add(content []byte) error {
	if len(c.buf)+len(content) > MaxParams {
		return ErrParamsTooLong
	}
	c.buf = append(c.buf, content...)
	return nil
}

// Pairs appends the pairs gathered so far to dst. They live until [Collector.Reset].
func (c *Collector) Pairs(dst []Pair) ([]Pair, error) { return ReadPairs(dst, c.buf) }

// Reset forgets what was gathered. The memory is kept for the next request,
// unless an unusual one made it large.
func (c *Collector) Reset() {
	if cap(c.buf) > 64<<10 {
		c.buf = nil
	}
	c.buf = c.buf[:0]
}

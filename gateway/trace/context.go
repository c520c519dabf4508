package trace

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// A Context says which span a request is. The zero value is that of a request that is not
// sampled.
type Context struct {
	Sampled bool
	Trace   [16]byte
	Span    [8]byte
	// Parent is the caller's span; zero if there is no caller.
	Parent [8]byte
}

// Begin decides whether a request is sampled that came with a header traceparent, "" for
// none: as its caller has, and without a valid one for a share of requests.
func Begin(traceparent []byte, share float64) (c Context) {
	if trace, span, ok := ParseParent(traceparent); ok {
		if flags := unhex(traceparent[flagsAt])<<4 | unhex(traceparent[flagsAt+1]); flags&sampledFlag == 0 {
			return c
		}
		hex.Decode(c.Trace[:], trace)
		hex.Decode(c.Parent[:], span)
	} else {
		if share <= 0 || share < 1 && rand.Float64() >= share {
			return c
		}
		binary.BigEndian.PutUint64(c.Trace[:8], nonZero())
		binary.BigEndian.PutUint64(c.Trace[8:], nonZero())
	}
	binary.BigEndian.PutUint64(c.Span[:], nonZero())
	c.Sampled = true
	return c
}

const sampledFlag = 1

// nonZero is random; an id of zeros only is none.
func nonZero() uint64 { return max(rand.Uint64(), 1) }

func unhex(digit byte) byte {
	if digit >= 'a' {
		return digit - 'a' + 10
	}
	return digit - '0'
}

// HeaderLen is the length of a traceparent of version 00.
const HeaderLen = traceparentLen

// Header appends the traceparent that has this span as the caller.
func (c *Context) Header(dst []byte) []byte {
	dst = append(dst, "00-"...)
	dst = hex.AppendEncode(dst, c.Trace[:])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, c.Span[:])
	return append(dst, "-01"...)
}

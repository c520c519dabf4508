package fcgi

import (
	"encoding/binary"
	"io"
	"sync"
)

// smallBuffer holds a usual request or response whole; a Reader that needs
// more changes to a large one. Most of a daemon's connections wait most of the
// time, so what a waiting one holds counts.
const (
	smallBuffer = 8 << 10
	largeBuffer = MaxRecord + 1<<10
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// A Reader finds whole records in a stream of bytes that arrive in pieces of
// any size. Bytes go in through [Reader.Space] and [Reader.Advance], or
// [Reader.Fill], and come out of [Reader.Next]. The zero Reader is ready. It
// holds a buffer from a shared pool only while it has bytes or lends out Space;
// [Reader.Release] gives the buffer back. One goroutine at a time may use it.
type Reader struct {
	buf   []byte
	small *[smallBuffer]byte
	large *[largeBuffer]byte
	r, w  int  // buf[r:w] has come and was not taken
	full  bool // the last read filled the buffer: expect more
}

// Space returns room for at least one byte, and for the rest of the record
// that has begun. It makes the records taken so far invalid.
func (rd *Reader) Space() []byte {
	if rd.r == rd.w {
		rd.r, rd.w = 0, 0
	}
	need := 1
	if rd.w-rd.r >= HeaderLen {
		need = HeaderLen + int(binary.BigEndian.Uint16(rd.buf[rd.r+4:])) + int(rd.buf[rd.r+6])
	}
	switch {
	case rd.buf == nil && !rd.full:
		rd.small = smallBuffers.Get().(*[smallBuffer]byte)
		rd.buf = rd.small[:]
	case rd.large == nil && (rd.full || need > smallBuffer || rd.w == len(rd.buf) && rd.r == 0):
		rd.grow()
	case rd.r > 0 && (rd.r+need > len(rd.buf) || rd.w == len(rd.buf)):
		rd.w = copy(rd.buf, rd.buf[rd.r:rd.w])
		rd.r = 0
	}
	return rd.buf[rd.w:]
}

func (rd *Reader) grow() {
	large := largeBuffers.Get().(*[largeBuffer]byte)
	rd.w = copy(large[:], rd.buf[rd.r:rd.w])
	rd.r = 0
	if rd.small != nil {
		smallBuffers.Put(rd.small)
		rd.small = nil
	}
	rd.large, rd.buf = large, large[:]
}

// Advance says that n bytes were put at the start of what [Reader.Space] gave.
func (rd *Reader) Advance(n int) {
	rd.w += n
	rd.full = rd.w == len(rd.buf)
}

// Fill reads once from src into [Reader.Space]. If src returns bytes and an error,
// the error is left to the next read.
func (rd *Reader) Fill(src io.Reader) error {
	n, err := src.Read(rd.Space())
	rd.Advance(n)
	if n > 0 {
		return nil
	}
	return err
}

// Next takes the next record; ok is false if it is not there whole yet. The error
// is a [*ProtocolError].
func (rd *Reader) Next() (rec Record, ok bool, err error) {
	b := rd.buf[rd.r:rd.w]
	if len(b) < HeaderLen {
		return Record{}, false, nil
	}
	content, total, err := parseHeader(b)
	if err != nil || len(b) < total {
		return Record{}, false, err
	}
	rd.r += total
	return Record{
		Type:    Type(b[1]),
		ID:      binary.BigEndian.Uint16(b[2:]),
		Content: b[HeaderLen : HeaderLen+content],
		Raw:     b[:total],
	}, true, nil
}

// Buffered is how many bytes have come and were not taken by [Reader.Next]. If Next
// has not found a whole record, they are the beginning of one.
func (rd *Reader) Buffered() int { return rd.w - rd.r }

// Held is how many bytes of buffer the Reader holds.
func (rd *Reader) Held() int { return len(rd.buf) }

// SmallBuffer is what a Reader holds at least while something has come, in bytes. A long
// record makes it hold more.
const SmallBuffer = smallBuffer

// Release gives the buffer back if nothing is left in it. The records taken so
// far become invalid. The Reader stays ready.
func (rd *Reader) Release() {
	if rd.r == rd.w {
		rd.Discard()
	}
}

// Discard gives the buffer back with whatever is left in it.
func (rd *Reader) Discard() {
	if rd.small != nil {
		smallBuffers.Put(rd.small)
	}
	if rd.large != nil {
		largeBuffers.Put(rd.large)
	}
	*rd = Reader{}
}

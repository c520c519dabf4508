package fcgi

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxParams is the most that a [Collector] takes for one request, in bytes.
// nginx sends at most 65,535; PHP-FPM was seen to take 240,000.
const MaxParams = 512 << 10

// MaxPairs is the most pairs of one request. Their descriptions take 48 bytes each, which
// empty ones would make 24 times of what was sent. nginx takes a few hundred headers.
const MaxPairs = 4096

// ErrTooManyPairs says that the params of one request are more than [MaxPairs].
var ErrTooManyPairs = fmt.Errorf("fcgi: params of one request are more than %d", MaxPairs)

// maxPairLen is the longest name or value: what remains of MaxParams.
const maxPairLen = MaxParams

// ErrParamsTooLong says that the params of one request are above [MaxParams].
var ErrParamsTooLong = fmt.Errorf("fcgi: params of one request are above %d bytes", MaxParams)

// errShortPair says that the bytes end inside a pair.
var errShortPair = errors.New("fcgi: name-value pair is cut short")

// A Pair is one CGI variable. The slices are those it was read from.
type Pair struct{ Name, Value []byte }

// NextPair reads the pair at the start of b (section 3.4) and gives what
// follows it.
func NextPair(b []byte) (p Pair, rest []byte, err error) {
	nameLen, b, err := pairLen(b)
	if err != nil {
		return Pair{}, nil, err
	}
	valueLen, b, err := pairLen(b)
	if err != nil {
		return Pair{}, nil, err
	}
	if nameLen+valueLen > len(b) {
		return Pair{}, nil, errShortPair
	}
	return Pair{b[:nameLen:nameLen], b[nameLen : nameLen+valueLen : nameLen+valueLen]}, b[nameLen+valueLen:], nil
}

func pairLen(b []byte) (int, []byte, error) {
	if len(b) == 0 {
		return 0, nil, errShortPair
	}
	if b[0] < 0x80 {
		return int(b[0]), b[1:], nil
	}
	if len(b) < 4 {
		return 0, nil, errShortPair
	}
	n := int(binary.BigEndian.Uint32(b) & 0x7fffffff)
	if n > maxPairLen {
		return 0, nil, ErrParamsTooLong
	}
	return n, b[4:], nil
}

// ReadPairs appends the pairs of b to dst; they share b's memory. If dst has [MaxPairs]
// then and b has more, the error is [ErrTooManyPairs].
func ReadPairs(dst []Pair, b []byte) ([]Pair, error) {
	for len(b) > 0 {
		if len(dst) >= MaxPairs {
			return dst, ErrTooManyPairs
		}
		p, rest, err := NextPair(b)
		if err != nil {
			return dst, fmt.Errorf("pair %d: %w", len(dst)+1, err)
		}
		dst, b = append(dst, p), rest
	}
	return dst, nil
}

// AppendPair appends a pair with the shortest encoding of its lengths.
func AppendPair(dst, name, value []byte) []byte {
	dst = appendLen(appendLen(dst, len(name)), len(value))
	return append(append(dst, name...), value...)
}

func appendLen(dst []byte, n int) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n)|0x80000000)
}

func pairSize(p Pair) int {
	n := 2 + len(p.Name) + len(p.Value)
	if len(p.Name) >= 0x80 {
		n += 3
	}
	if len(p.Value) >= 0x80 {
		n += 3
	}
	return n
}

// AppendParams appends pairs as PARAMS records and the empty one that ends
// them. Every pair is whole in one record, because PHP-FPM resets the connection
// if a pair begins in one and ends in the next (main/fastcgi.c,
// fcgi_get_params). A pair that is too long for a record is an error, which names
// it.
func AppendParams(dst []byte, id uint16, pairs []Pair) ([]byte, error) {
	for i := 0; i < len(pairs); {
		size, first := 0, i
		for ; i < len(pairs) && size+pairSize(pairs[i]) <= alignedContent; i++ {
			size += pairSize(pairs[i])
		}
		if i == first {
			return dst, fmt.Errorf("fcgi: param %q has %d bytes: a pair must fit one record of %d",
				pairs[i].Name, len(pairs[i].Value), alignedContent)
		}
		dst = AppendHeader(dst, Params, id, size)
		for _, p := range pairs[first:i] {
			dst = AppendPair(dst, p.Name, p.Value)
		}
	}
	return AppendHeader(dst, Params, id, 0), nil
}

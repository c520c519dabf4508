package stack

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The types of FastCGI records.
const (
	BeginRequest    = 1
	AbortRequest    = 2
	EndRequest      = 3
	ParamsType      = 4
	StdinType       = 5
	StdoutType      = 6
	StderrType      = 7
	GetValues       = 9
	GetValuesResult = 10
)

// Record is one FastCGI record without its padding.
type Record struct {
	Type    byte
	ID      uint16
	Content []byte
}

// WriteTo sends the record, padded to eight bytes as PHP-FPM does.
func (r Record) WriteTo(w io.Writer) (int64, error) {
	padding := -len(r.Content) & 7
	b := make([]byte, 8, 8+len(r.Content)+padding)
	b[0], b[1], b[6] = 1, r.Type, byte(padding)
	binary.BigEndian.PutUint16(b[2:], r.ID)
	binary.BigEndian.PutUint16(b[4:], uint16(len(r.Content)))
	b = append(append(b, r.Content...), make([]byte, padding)...)
	n, err := w.Write(b)
	return int64(n), err
}

// ReadRecord reads one record; io.EOF means that the other side closed between two records.
func ReadRecord(r io.Reader) (Record, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Record{}, err
	}
	if head[0] != 1 {
		return Record{}, fmt.Errorf("FastCGI version %d", head[0])
	}
	content := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
	if _, err := io.ReadFull(r, content); err != nil {
		return Record{}, fmt.Errorf("inside a record: %w", err)
	}
	return Record{head[1], binary.BigEndian.Uint16(head[2:]), content[:len(content)-int(head[6])]}, nil
}

// stream writes content as records of one type, without the empty one at the end.
func stream(w io.Writer, kind byte, id uint16, content []byte) error {
	for len(content) > 0 {
		n := min(len(content), 0xfff8)
		if _, err := (Record{kind, id, content[:n]}).WriteTo(w); err != nil {
			return err
		}
		content = content[n:]
	}
	return nil
}

// Pairs encodes name, value, name, value … as FastCGI params.
func Pairs(pairs ...string) []byte {
	var b []byte
	length := func(s string) {
		if len(s) < 128 {
			b = append(b, byte(len(s)))
		} else {
			b = binary.BigEndian.AppendUint32(b, uint32(len(s))|1<<31)
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		length(pairs[i])
		length(pairs[i+1])
		b = append(append(b, pairs[i]...), pairs[i+1]...)
	}
	return b
}

// parsePairs is the way back.
func parsePairs(b []byte) (pairs []string, err error) {
	length := func() (int, bool) {
		if len(b) == 0 {
			return 0, false
		}
		n := int(b[0])
		if n < 128 {
			b = b[1:]
			return n, true
		}
		if len(b) < 4 {
			return 0, false
		}
		n = int(binary.BigEndian.Uint32(b) &^ (1 << 31))
		b = b[4:]
		return n, true
	}
	for len(b) > 0 {
		name, ok1 := length()
		value, ok2 := length()
		if !ok1 || !ok2 || name+value > len(b) {
			return nil, fmt.Errorf("params end inside a pair")
		}
		pairs = append(pairs, string(b[:name]), string(b[name:name+value]))
		b = b[name+value:]
	}
	return pairs, nil
}

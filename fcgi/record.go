package fcgi

import (
	"encoding/binary"
	"fmt"
)

// Type is a record's type (section 8, "FCGI_Header").
type Type uint8

// The record types of FastCGI 1.0.
const (
	BeginRequest    Type = 1
	AbortRequest    Type = 2
	EndRequest      Type = 3
	Params          Type = 4
	Stdin           Type = 5
	Stdout          Type = 6
	Stderr          Type = 7
	Data            Type = 8
	GetValues       Type = 9
	GetValuesResult Type = 10
	UnknownType     Type = 11
)

var typeNames = [...]string{
	"type 0", "BEGIN_REQUEST", "ABORT_REQUEST", "END_REQUEST", "PARAMS", "STDIN", "STDOUT",
	"STDERR", "DATA", "GET_VALUES", "GET_VALUES_RESULT", "UNKNOWN_TYPE",
}

func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

const (
	// Version is the only protocol version.
	Version = 1
	// HeaderLen is the length of a record's header.
	HeaderLen = 8
	// MaxContent is the longest content of one record.
	MaxContent = 65535
	// maxPadding is the longest padding of one record.
	maxPadding = 255
	// MaxRecord is the length of the longest record.
	MaxRecord = HeaderLen + MaxContent + maxPadding
	// alignedContent is the longest content that needs no padding and leaves
	// content + padding below 65,536: PHP-FPM resets the connection on a
	// PARAMS record above that (main/fastcgi.c, fcgi_read_request).
	alignedContent = MaxContent &^ 7
)

// A Record is one whole record. Its slices are the buffer of a [Reader]: they live
// until the next call of [Reader.Space] or [Reader.Release].
type Record struct {
	Type Type
	// ID is the request id; 0 is a management record.
	ID uint16
	// Content is what the record carries, without padding.
	Content []byte
	// Raw is the record as it came: header, content and padding.
	Raw []byte
}

// AppendHeader appends the header of a record of n content bytes without padding.
// It panics if n is above [MaxContent].
func AppendHeader(dst []byte, t Type, id uint16, n int) []byte {
	if n > MaxContent {
		panic("fcgi: record content too long")
	}
	return append(dst, Version, byte(t), byte(id>>8), byte(id), byte(n>>8), byte(n), 0, 0)
}

// AppendStream appends content as records of type t, as many as it takes. It
// appends nothing for empty content, since an empty record ends a stream:
// [AppendHeader] with n = 0 does that.
func AppendStream(dst []byte, t Type, id uint16, content []byte) []byte {
	for len(content) > 0 {
		n := min(len(content), alignedContent)
		dst = AppendHeader(dst, t, id, n)
		dst = append(dst, content[:n]...)
		content = content[n:]
	}
	return dst
}

// parseHeader reads the header at the start of b, which has at least HeaderLen
// bytes. It gives the content's length and that of the whole record.
func parseHeader(b []byte) (content, total int, err error) {
	if b[0] != Version {
		return 0, 0, &ProtocolError{fmt.Sprintf("record version is %d, want 1%s", b[0], otherProtocol(b))}
	}
	return int(binary.BigEndian.Uint16(b[4:])), recordLen(b), nil
}

// otherProtocol says which protocol a connection speaks instead; "" if it is none of those
// that are met.
func otherProtocol(b []byte) string {
	for _, method := range [...]string{"GET ", "HEAD ", "POST ", "PUT ", "OPTIONS ", "CONNECT ", "PRI * "} {
		if n := min(len(b), len(method)); string(b[:n]) == method[:n] {
			return ": this is HTTP, and FastCGI is spoken here"
		}
	}
	if b[0] == 22 && len(b) > 1 && b[1] == 3 {
		return ": this is TLS, and FastCGI is spoken here"
	}
	return ""
}

// recordLen is the length of the whole record whose header is at the start of b.
func recordLen(b []byte) int { return HeaderLen + int(binary.BigEndian.Uint16(b[4:])) + int(b[6]) }

// SetID gives the record another request id, in the buffer that it lies in.
func (r *Record) SetID(id uint16) {
	r.ID = id
	binary.BigEndian.PutUint16(r.Raw[2:], id)
}

// A ProtocolError says how a peer broke the protocol. The stream cannot be
// read any further.
type ProtocolError struct{ Cause string }

func (e *ProtocolError) Error() string { return "fcgi: " + e.Cause }

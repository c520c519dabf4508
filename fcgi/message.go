package fcgi

import (
	"encoding/binary"
	"fmt"
)

// Roles of an application (section 6). PHP-FPM is a responder, and so is realdocd, which also
// tells an authorizer's request its release.
const (
	RoleResponder  = 1
	RoleAuthorizer = 2
)

// flagKeepConn asks the application to leave the connection open after the
// request (section 5.1, FCGI_KEEP_CONN).
const flagKeepConn = 1

// Begin is the content of BEGIN_REQUEST (section 5.1).
type Begin struct {
	Role uint16
	// KeepConn leaves closing the connection to the web server.
	KeepConn bool
}

// ParseBegin reads the content of a BEGIN_REQUEST record. The error is a
// [*ProtocolError].
func ParseBegin(content []byte) (Begin, error) {
	if len(content) != 8 {
		return Begin{}, &ProtocolError{"BEGIN_REQUEST body is not 8 bytes"}
	}
	return Begin{binary.BigEndian.Uint16(content), content[2]&flagKeepConn != 0}, nil
}

// AppendBegin appends a BEGIN_REQUEST record.
func AppendBegin(dst []byte, id uint16, b Begin) []byte {
	var flags byte
	if b.KeepConn {
		flags = flagKeepConn
	}
	dst = AppendHeader(dst, BeginRequest, id, 8)
	return append(dst, byte(b.Role>>8), byte(b.Role), flags, 0, 0, 0, 0, 0)
}

// SetKeepConn sets FCGI_KEEP_CONN in records that begin with what [AppendBegin]
// has written.
func SetKeepConn(records []byte) { records[HeaderLen+2] |= flagKeepConn }

// SetID gives whole records another request id.
func SetID(records []byte, id uint16) {
	for len(records) >= HeaderLen {
		binary.BigEndian.PutUint16(records[2:], id)
		records = records[min(len(records), recordLen(records)):]
	}
}

// Status is the protocolStatus of END_REQUEST (section 5.5).
type Status uint8

// The protocol statuses.
const (
	RequestComplete Status = 0
	CantMpxConn     Status = 1
	Overloaded      Status = 2
	UnknownRole     Status = 3
)

var statusNames = [...]string{"REQUEST_COMPLETE", "CANT_MPX_CONN", "OVERLOADED", "UNKNOWN_ROLE"}

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("protocol status %d", uint8(s))
}

// AppendEnd appends an END_REQUEST record. appStatus is the script's exit code;
// PHP-FPM always sends 0.
func AppendEnd(dst []byte, id uint16, appStatus uint32, s Status) []byte {
	dst = AppendHeader(dst, EndRequest, id, 8)
	dst = binary.BigEndian.AppendUint32(dst, appStatus)
	return append(dst, byte(s), 0, 0, 0)
}

// ParseEnd reads the content of an END_REQUEST record. The error is a
// [*ProtocolError].
func ParseEnd(content []byte) (appStatus uint32, s Status, err error) {
	if len(content) != 8 {
		return 0, 0, &ProtocolError{"END_REQUEST body is not 8 bytes"}
	}
	return binary.BigEndian.Uint32(content), Status(content[4]), nil
}

// AppendUnknownType appends the answer to a management record of a type that
// is not understood (section 4.2).
func AppendUnknownType(dst []byte, t Type) []byte {
	dst = AppendHeader(dst, UnknownType, 0, 8)
	return append(dst, byte(t), 0, 0, 0, 0, 0, 0, 0)
}

// AppendValues appends the answer to GET_VALUES (section 4.1): of the names
// asked for in query, those that values knows, in the order asked. A query
// that cannot be read is an error.
func AppendValues(dst, query []byte, values func(name []byte) (value string, ok bool)) ([]byte, error) {
	at := len(dst)
	dst = AppendHeader(dst, GetValuesResult, 0, 0)
	for len(query) > 0 {
		p, rest, err := NextPair(query)
		if err != nil {
			return dst[:at], err
		}
		query = rest
		v, ok := values(p.Name)
		if n := len(dst) - at - HeaderLen; !ok || n+pairSize(p)+len(v)+3 > MaxContent {
			continue
		}
		dst = AppendPair(dst, p.Name, []byte(v))
	}
	binary.BigEndian.PutUint16(dst[at+4:], uint16(len(dst)-at-HeaderLen))
	return dst, nil
}

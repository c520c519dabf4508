package trace

// Where the parts of a traceparent are, and how long version 00 is.
const (
	traceAt, traceEnd = 3, 35
	spanAt, spanEnd   = 36, 52
	flagsAt           = 53
	traceparentLen    = 55
)

// ParseParent reads the trace's id and the caller's span out of the
// traceparent header (https://www.w3.org/TR/trace-context/, section 3.2). Of a
// later version than 00 it reads what that version must have in common with it
// (section 3.2.4). The ids are parts of header.
func ParseParent(header []byte) (trace, span []byte, ok bool) {
	if len(header) < traceparentLen || header[traceAt-1] != '-' || header[spanAt-1] != '-' || header[flagsAt-1] != '-' {
		return nil, nil, false
	}
	version, flags := header[:traceAt-1], header[flagsAt:traceparentLen]
	trace, span = header[traceAt:traceEnd], header[spanAt:spanEnd]
	for _, part := range [...][]byte{version, trace, span, flags} {
		if !isLowerHex(part) {
			return nil, nil, false
		}
	}
	switch {
	case string(version) == "ff", allZero(trace), allZero(span):
		return nil, nil, false
	case len(header) > traceparentLen && (string(version) == "00" || header[traceparentLen] != '-'):
		return nil, nil, false
	}
	return trace, span, true
}

func isLowerHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func allZero(digits []byte) bool {
	for _, c := range digits {
		if c != '0' {
			return false
		}
	}
	return true
}

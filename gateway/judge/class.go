package judge

import "bytes"

const (
	// MaxClasses is how many path classes are told apart; what comes beyond is Other.
	MaxClasses = 64
	// MaxClassLen bounds the name of a class, in bytes.
	MaxClassLen = 96

	maxSegments = 3
	maxSegment  = 24
)

// Other is the class of what has no other.
const Other = "other"

// AppendClass appends the path class of a request: its method and the first three names of
// its path. A name that has a digit or is long, or holds what no route is named with, is "*":
// it is an id, and thousands of them are one class. The query says nothing.
func AppendClass(dst, method, uri []byte) []byte {
	path := uri
	if at := bytes.IndexAny(path, "?#"); at >= 0 {
		path = path[:at]
	}
	dst = append(dst, method[:min(len(method), 8)]...)
	dst = append(dst, ' ')
	segments := 0
	for len(path) > 0 && segments < maxSegments {
		var segment []byte
		segment, path, _ = cutSegment(path)
		if len(segment) == 0 {
			continue
		}
		segments++
		dst = append(dst, '/')
		if isRoute(segment) {
			dst = append(dst, segment...)
		} else {
			dst = append(dst, '*')
		}
	}
	if segments == 0 {
		dst = append(dst, '/')
	}
	return dst
}

func cutSegment(path []byte) (segment, rest []byte, found bool) {
	return bytes.Cut(path, []byte("/"))
}

// isRoute says whether a name of a path is one that a programmer has chosen.
func isRoute(segment []byte) bool {
	if len(segment) > maxSegment {
		return false
	}
	for _, c := range segment {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

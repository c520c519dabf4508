package pin

import "crypto/sha256"

// SiteOf stands for a site, or for one of its tenants, which is "" for a site without: the same
// on all hosts that have it by that name, wherever they have it.
func SiteOf(name, tenant string) (s Site) {
	var buf [256]byte
	sum := sha256.Sum256(append(append(append(buf[:0], name...), 0), tenant...))
	copy(s[:], sum[:])
	return s
}

// AppendName appends the name of a release as tokens have it.
func AppendName(dst []byte, release string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(release) {
		if c := release[i]; isPlain(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '~', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_'
}

// isName says whether a text has only bytes that AppendName writes.
func isName(text []byte) bool {
	for _, c := range text {
		if !isPlain(c) && c != '~' {
			return false
		}
	}
	return true
}

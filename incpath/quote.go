package incpath

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnquotable says that PHP cannot be given a value through an INI text.
var ErrUnquotable = errors.New("cannot be written as an INI value")

// Quote writes includePath as an INI value in double quotes that PHP-FPM reads
// back as exactly includePath, and as nothing more.
//
// Quote refuses three bytes, with [ErrUnquotable] and the position: NUL, which ends
// the text; CR and LF, since PHP takes a \" before a line's end for the end of the
// value, and what follows for directives (php-src, Zend/zend_ini_scanner.l,
// the special case for Windows paths). It refuses an empty string, too,
// since PHP ignores an empty include_path.
func Quote(includePath string) (string, error) {
	if includePath == "" {
		return "", fmt.Errorf("an empty include_path %w: PHP ignores it", ErrUnquotable)
	}
	if i := strings.IndexAny(includePath, "\x00\r\n"); i >= 0 {
		return "", fmt.Errorf("include_path %q, byte %#02x at position %d, %w", includePath, includePath[i], i, ErrUnquotable)
	}
	var b strings.Builder
	b.Grow(len(includePath) + 2)
	b.WriteByte('"')
	for i := range len(includePath) {
		c := includePath[i]
		if c == '"' || c == '\\' || c == '$' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String(), nil
}

// unescape gives what stands between double quotes as PHP has it (php-src,
// Zend/zend_ini_scanner.l, zend_ini_escape_string).
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			switch s[i] {
			case '"', '\\', '$':
			default:
				b.WriteByte('\\')
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

package incpath

import (
	"fmt"
	"strings"
)

// A Setting is a directive that PHP takes from a PHP_VALUE or PHP_ADMIN_VALUE.
type Setting struct {
	Key, Value string
	// Unknown says that PHP makes more of the value than the text tells: it has a
	// ${VARIABLE}, a constant, or an operator.
	Unknown bool
	// Sets says that PHP takes the value: it leaves what it had where there is none
	// behind the "=".
	Sets bool
}

// Settings gives the directives that PHP takes from a text, in order, up to where it
// stops reading.
func Settings(value string) (all []Setting) {
	p := newINI(value)
	for d, ok := p.next(); ok; d, ok = p.next() {
		all = append(all, Setting{d.key, d.value, d.unknown.what != "", d.end > d.start})
	}
	return all
}

// AppendSettings adds directives to a text, of which only Key and Value are read. They
// override those that it has. The error is [ErrUnreadable] if PHP would not come as far
// as them, and otherwise that of [Quote].
func AppendSettings(value string, add []Setting) (string, error) {
	if i := strings.IndexByte(value, 0); i >= 0 {
		return "", fmt.Errorf("a NUL at byte %d: %w", i, ErrUnreadable)
	}
	if p, _ := readAll(value); p.stopped >= 0 {
		return "", p.err()
	}
	var b strings.Builder
	b.WriteString(value)
	if value != "" && !isNewline(value[len(value)-1]) {
		b.WriteByte('\n')
	}
	for _, s := range add {
		quoted := `""` // which PHP takes, for any directive but include_path
		if s.Value != "" {
			var err error
			if quoted, err = Quote(s.Value); err != nil {
				return "", fmt.Errorf("%s: %w", s.Key, err)
			}
		}
		b.WriteString(s.Key + "=" + quoted + "\n")
	}
	out := strings.TrimSuffix(b.String(), "\n")
	// A text can be readable and yet take the new line's end with it.
	read := Settings(out)
	if len(read) < len(add) {
		return "", fmt.Errorf("the last value does not end with its line: %w", ErrUnreadable)
	}
	for i, got := range read[len(read)-len(add):] {
		if got.Key != add[i].Key || got.Value != add[i].Value || got.Unknown {
			return "", fmt.Errorf("%s cannot be added: %w", add[i].Key, ErrUnreadable)
		}
	}
	return out, nil
}

package incpath

import (
	"errors"
	"fmt"
	"strings"
)

const directiveName = "include_path"

// A DirectiveError is a directive whose paths cannot be mapped.
type DirectiveError struct {
	Directive string
	Err       error
}

func (e *DirectiveError) Error() string { return e.Err.Error() }
func (e *DirectiveError) Unwrap() error { return e.Err }

var (
	// ErrUnknown says that the include_path that PHP will have cannot be
	// known from the text.
	ErrUnknown = errors.New("what PHP makes of it cannot be known outside PHP")
	// ErrUnreadable says that PHP stops reading the text at some place.
	ErrUnreadable = errors.New("PHP cannot read on")
)

// Rewrite replaces the include_path of each include_path directive of a
// PHP_VALUE or PHP_ADMIN_VALUE by what f makes of it. All other bytes stay; if f
// changes nothing, out is value itself. found says whether PHP takes an
// include_path from value; it ignores an empty one and keeps what it had.
//
// The error is [ErrUnknown] if a value has a ${VARIABLE}, which may be any path, or
// if it has a constant or an unquoted operator next to a path that f would change.
// It is [ErrUnquotable] if [Quote] refuses what f gives, and [ErrUnreadable] if PHP
// stops reading in front of another include_path. With an error, out is value.
func Rewrite(value string, f func(includePath string) string) (out string, found bool, err error) {
	if !strings.Contains(value, directiveName) {
		return value, false, nil
	}
	return rewrite(value, func(key, old string) string {
		if key == directiveName {
			return f(old)
		}
		return old
	})
}

// RewritePaths is Rewrite for every directive that takes paths, by what m makes of
// them: whole, as an item of a list, behind session.save_path's "N;MODE;".
// ErrUnknown is for the directives that decide which code runs; another one with a
// ${VARIABLE} stays as it is.
func RewritePaths(value string, m *Mapping) (out string, found bool, err error) {
	if !strings.Contains(value, directiveName) && strings.IndexByte(value, '/') < 0 {
		return value, false, nil
	}
	return rewrite(value, m.directive)
}

func rewrite(value string, f func(key, old string) string) (out string, found bool, err error) {
	var b strings.Builder
	done := 0
	p := newINI(value)
	for d, ok := p.next(); ok; d, ok = p.next() {
		if d.value == "" {
			continue
		}
		found = found || d.key == directiveName
		mapped := f(d.key, d.value)
		if d.unknown.what != "" && (d.unknown.kind == variable && loadsCode[d.key] || mapped != d.value) {
			return value, found, &DirectiveError{d.key, d.err()}
		}
		if mapped == d.value {
			continue
		}
		quoted, err := Quote(mapped)
		if err != nil {
			return value, found, &DirectiveError{d.key, err}
		}
		b.WriteString(value[done:d.start])
		b.WriteString(quoted)
		done = d.end
	}
	if p.stopped >= 0 {
		if name := namesCode(value[p.stopped:]); name != "" {
			return value, found, &DirectiveError{name, p.err()}
		}
	}
	if done == 0 {
		return value, found, nil
	}
	b.WriteString(value[done:])
	return b.String(), found, nil
}

// namesCode gives a directive that decides which code runs and that a text names
// which PHP does not read any more; "" for none.
func namesCode(text string) string {
	if strings.Contains(text, directiveName) {
		return directiveName
	}
	for name := range loadsCode {
		if strings.Contains(text, name+"=") {
			return name
		}
	}
	return ""
}

// AppendDirective adds a line with an include_path directive to a PHP_VALUE or
// PHP_ADMIN_VALUE. It overrides those that value has.
//
// The error is [ErrUnreadable] if PHP would not come as far as that line: a quote
// that is not closed, a NUL, or anything else that it cannot read. Otherwise it is
// that of [Quote].
func AppendDirective(value, includePath string) (string, error) {
	quoted, err := Quote(includePath)
	if err != nil {
		return "", err
	}
	if i := strings.IndexByte(value, 0); i >= 0 {
		return "", fmt.Errorf("a NUL at byte %d: %w", i, ErrUnreadable)
	}
	if p, _ := readAll(value); p.stopped >= 0 {
		return "", p.err()
	}
	out := value
	if value != "" && !isNewline(value[len(value)-1]) {
		out += "\n"
	}
	start := len(out) + len(directiveName) + len("=")
	out += directiveName + "=" + quoted
	// A text can be readable and yet take the new line's end with it.
	if p, last := readAll(out); p.stopped >= 0 || last.start != start || last.value != includePath {
		return "", fmt.Errorf("the last value does not end with its line: %w", ErrUnreadable)
	}
	return out, nil
}

func readAll(value string) (p ini, last directive) {
	p = newINI(value)
	for d, ok := p.next(); ok; d, ok = p.next() {
		last = d
	}
	return p, last
}

// Read gives the include_path that PHP has after it has read a PHP_VALUE or
// PHP_ADMIN_VALUE: that of the last directive. found is false if it takes
// none. The error is [ErrUnknown] if the text does not tell.
func Read(value string) (includePath string, found bool, err error) {
	if !strings.Contains(value, directiveName) {
		return "", false, nil
	}
	p := newINI(value)
	for d, ok := p.next(); ok; d, ok = p.next() {
		if d.key != directiveName || d.value == "" {
			continue
		}
		includePath, found, err = d.value, true, nil
		if d.unknown.what != "" {
			includePath, err = "", d.err()
		}
	}
	return includePath, found, err
}

func (d directive) err() error {
	return fmt.Errorf("%s has, at byte %d, %s: %w", d.key, d.unknown.at, d.unknown.what, ErrUnknown)
}

func (p *ini) err() error {
	rest := p.s[p.stopped:]
	what := "text that is no directive"
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		what = "a quote that is not closed"
	}
	return fmt.Errorf("%s at byte %d: %w", what, p.stopped, ErrUnreadable)
}

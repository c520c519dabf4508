package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A parser reads one TOML value. Its error says what is wanted.
type parser[T any] func(v any) (T, error)

func wanted(what string, v any) error {
	return fmt.Errorf("want %s, not %s", what, describe(v))
}

// describe says what a TOML value is, in an operator's words.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case bool, int64, float64:
		return fmt.Sprint(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "a list of tables"
	}
	return "a date"
}

// text reads a string that can be part of a path or of a PHP setting.
func text(v any) (string, error) {
	s, ok := v.(string)
	switch {
	case !ok:
		return "", wanted("a string in quotes", v)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", wanted("a string without control characters", v)
	}
	return s, nil
}

func boolean(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, wanted("true or false", v)
	}
	return b, nil
}

// listOf reads a list, and names each item that is wrong.
func listOf[T any](item parser[T]) parser[[]T] {
	return func(v any) ([]T, error) {
		values, ok := v.([]any)
		if !ok {
			return nil, wanted("a list, as in [ … ]", v)
		}
		var items []T
		var wrong []error
		for _, value := range values {
			got, err := item(value)
			items = append(items, got)
			wrong = append(wrong, err)
		}
		return items, errors.Join(wrong...)
	}
}

// orNone takes "" for none.
func orNone[T ~string](parse parser[T]) parser[T] {
	return func(v any) (T, error) {
		if v == "" {
			return "", nil
		}
		return parse(v)
	}
}

// duration reads a duration that may be 0.
func duration(v any) (time.Duration, error) {
	s, _ := v.(string)
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, wanted(`a duration such as "2s" or "500ms"`, v)
	case d < 0:
		return 0, wanted("a duration of at least 0s", v)
	}
	return d, nil
}

// ownTimeout reads a site's own value of a pool's key; "" is the pool's.
func ownTimeout(v any) (*time.Duration, error) {
	if v == "" {
		return nil, nil
	}
	d, err := duration(v)
	return &d, err
}

func positiveDuration(v any) (time.Duration, error) {
	d, err := duration(v)
	if err == nil && d == 0 {
		return 0, wanted("a duration above 0s", v)
	}
	return d, err
}

// maxRequests bounds the numbers of requests that a file may ask for: a larger one is a
// slip of the finger, because no machine has so many descriptors.
const maxRequests = 1_000_000

// wholeUpTo reads a number that may be 0.
func wholeUpTo(most int64) parser[int] { return wholeFrom(0, most) }

func wholeFrom(least, most int64) parser[int] {
	return func(v any) (int, error) {
		n, ok := v.(int64)
		if !ok || n < least || n > most {
			return 0, wanted(fmt.Sprintf("a whole number from %d to %d", least, most), v)
		}
		return int(n), nil
	}
}

func mode(v any) (fs.FileMode, error) {
	s, ok := v.(string)
	n, err := strconv.ParseUint(s, 8, 32)
	if !ok || err != nil || n > 0o777 {
		return 0, wanted(`the octal digits of a mode, in quotes, such as "0660"`, v)
	}
	return fs.FileMode(n), nil
}

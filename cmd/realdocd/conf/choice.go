package conf

import (
	"fmt"
	"slices"
	"strings"

	"realdocd/gateway/nearest"
)

// oneOf reads one of a few words.
func oneOf(words ...string) parser[string] {
	return func(v any) (string, error) {
		s, _ := v.(string)
		if slices.Contains(words, s) {
			return s, nil
		}
		last := len(words) - 1
		err := wanted(`"`+strings.Join(words[:last], `", "`)+`" or "`+words[last]+`"`, v)
		if s == "" {
			return "", err
		}
		return "", fmt.Errorf("%w%s", err, nearest.Hint(s, words))
	}
}

// A choice is a few words, each of which stands for a value.
type choice[T comparable] []struct {
	word  string
	value T
}

func (c choice[T]) into(place *T) key { return intoAs(place, c.parse, c.text) }

func (c choice[T]) parse(v any) (value T, err error) {
	var words []string
	for _, one := range c {
		words = append(words, one.word)
	}
	word, err := oneOf(words...)(v)
	for _, one := range c {
		if one.word == word {
			value = one.value
		}
	}
	return value, err
}

func (c choice[T]) text(value T) any {
	for _, one := range c {
		if one.value == value {
			return one.word
		}
	}
	return fmt.Sprint(value)
}

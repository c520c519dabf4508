package install

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A unit is an installed systemd unit: the values of each key, by "Section.Key".
type unit struct {
	name   string
	values map[string][]string
}

// unitDirs is where systemd looks, the first winning.
var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// loadUnit reads a unit and its drop-ins.
func loadUnit(name string) (*unit, error) {
	u := &unit{name, map[string][]string{}}
	for _, dir := range unitDirs {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		u.add(string(text))
		for _, dir := range unitDirs {
			dropIns, _ := filepath.Glob(filepath.Join(dir, name+".d", "*.conf"))
			for _, file := range dropIns {
				text, err := os.ReadFile(file)
				if err != nil {
					return nil, err
				}
				u.add(string(text))
			}
		}
		return u, nil
	}
	return nil, fmt.Errorf("unit %s could not be found", name)
}

func (u *unit) add(text string) {
	section := ""
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		default:
			key, value, _ := strings.Cut(line, "=")
			key = section + "." + strings.TrimSpace(key)
			if value = strings.TrimSpace(value); value == "" {
				delete(u.values, key) // an empty one takes back those before
			} else {
				u.values[key] = append(u.values[key], value)
			}
		}
	}
}

// all gives the values of a key.
func (u *unit) all(key string) []string { return u.values[key] }

// get gives the last value of a key, which counts if there can be only one.
func (u *unit) get(key, otherwise string) string {
	values := u.values[key]
	if len(values) == 0 {
		return otherwise
	}
	return values[len(values)-1]
}

// words gives all words of all values of a key.
func (u *unit) words(key string) (words []string) {
	for _, value := range u.values[key] {
		words = append(words, strings.Fields(value)...)
	}
	return words
}

// bare is the name without its kind.
func (u *unit) bare() string { return strings.TrimSuffix(u.name, filepath.Ext(u.name)) }

package conf

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"realdocd/gateway"

	"github.com/BurntSushi/toml"
)

// A document is a configuration while it is read.
type document struct {
	config Config
	faults Faults
	lines  lines
	// label names a key to the operator.
	label func(path []string) string
	// excused are keys with a fault, and keys that a fault has proposed. A fault
	// that only follows from them is left out.
	excused map[string]bool
	// tenants are the sites with patterns of which others are one docroot, by the names of
	// these.
	tenants map[string]gateway.SiteConfig
	// surroundings are where ${…} finds its values; nil replaces nothing.
	surroundings *surroundings
}

func newDocument(file string, index lines) *document {
	return &document{
		config:  defaults(),
		faults:  Faults{File: file},
		lines:   index,
		label:   tomlLabel,
		excused: map[string]bool{},
		tenants: map[string]gateway.SiteConfig{},
	}
}

// decode decodes the text of a file, and notes a fault if it is not TOML.
func (d *document) decode(text string, index lines) map[string]any {
	raw := map[string]any{}
	if _, err := toml.Decode(text, &raw); err != nil {
		d.syntax(err, text, index)
		return nil
	}
	return raw
}

// tomlLabel is a key as in `docroot in [site.shop]`.
func tomlLabel(path []string) string {
	key := path[len(path)-1]
	if len(path) == 1 {
		return key
	}
	return fmt.Sprintf("%s in [%s]", key, toml.Key(path[:len(path)-1]))
}

// fault notes what is wrong with a key that has a value.
func (d *document) fault(path []string, format string, args ...any) {
	d.excuse(path)
	d.faults.add(d.lines.of(path...), d.label(path)+": "+format, args...)
}

func (d *document) excuse(path []string) { d.excused[toml.Key(path).String()] = true }

func (d *document) isExcused(path []string) bool { return d.excused[toml.Key(path).String()] }

// syntax notes a text that the toml package refuses.
func (d *document) syntax(err error, text string, index lines) {
	first := d.faults.lastFileBegins()
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		d.faults.add(first, "%v", err)
		return
	}
	line := first + parse.Position.Line
	var key string
	if rest, ok := strings.CutSuffix(parse.Message, "' has already been defined."); ok {
		key = strings.TrimPrefix(rest, "Key '")
	}
	if before, ok := index[key]; ok && before != line {
		d.faults.add(line, "duplicate key %s: it is set in line %d already", key, before-first)
		return
	}
	hint := ""
	switch {
	case strings.HasPrefix(parse.Message, "expected value"):
		hint = ": are the quotes around a string missing?"
	case strings.HasPrefix(parse.Message, "expected '.' or ']' to end table name"):
		hint = unquotedTable(text, parse.Position.Line)
	}
	d.faults.add(line, "%s%s", strings.TrimSuffix(parse.Message, "."), hint)
}

// unquotedTable proposes quotes around the name in [site.all/s1].
func unquotedTable(text string, line int) string {
	header := strings.TrimSpace(strings.Split(text, "\n")[line-1])
	header, _, closed := strings.Cut(strings.TrimPrefix(header, "["), "]")
	kind, name, named := strings.Cut(header, ".")
	if !closed || !named || strings.ContainsAny(name, `"'`) {
		return ""
	}
	return fmt.Sprintf(": a name that has more than letters, digits, - and _ wants quotes, as in [%s.%q]", strings.TrimSpace(kind), strings.TrimSpace(name))
}

func (d *document) read(raw map[string]any) {
	d.table(nil, raw, d.topKeys())
	d.checkClients()
	d.checkAddresses()
	d.checkPools()
	d.checkSites()
	d.checkIncludePaths()
	d.checkPins()
	d.checkAccess()
	d.checkFleet()
}

// table reads one table, and goes on after a fault.
func (d *document) table(at []string, raw map[string]any, known keys) {
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		keyPath := slices.Concat(at, []string{key})
		set, ok := known[key]
		if d.isToldOfPattern(keyPath, ok) {
			continue
		}
		if !ok {
			d.unknown(keyPath, raw[key], known)
			continue
		}
		value, ok := d.expand(keyPath, set, raw[key])
		if !ok {
			continue
		}
		for _, err := range each(set.set(value)) {
			d.fault(keyPath, "%v", err)
		}
	}
}

// each gives the errors that errors.Join has joined, or the only one.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

func (d *document) subtable(at []string, v any, known keys) error {
	raw, ok := v.(map[string]any)
	if !ok {
		return wanted(fmt.Sprintf("the table [%s]", toml.Key(at)), v)
	}
	d.table(at, raw, known)
	return nil
}

// named reads the tables [kind.NAME], in the order of the file.
func (d *document) named(kind string, v any, read func(name string, raw map[string]any)) error {
	tables, ok := v.(map[string]any)
	if !ok {
		return wanted(fmt.Sprintf("tables [%s.NAME], each with a name of its own", kind), v)
	}
	names := slices.SortedFunc(maps.Keys(tables), func(a, b string) int {
		return cmp.Or(d.lines.of(kind, a)-d.lines.of(kind, b), strings.Compare(a, b))
	})
	if kind == "site" { // what they have of their patterns is read there first
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(d.tenants[a].Name, d.tenants[b].Name) })
	}
	for _, name := range names {
		raw, ok := tables[name].(map[string]any)
		if !ok {
			d.fault([]string{kind, name}, "want it in a table with a name, [%s.NAME]", kind)
			continue
		}
		read(name, raw)
	}
	return nil
}

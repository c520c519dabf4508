package conf

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"realdocd/gateway/control"
)

// Told is the configuration as it is told to people: each key with its value or its
// default. Secrets are as they are written, and passwords in URLs are crossed out.
func (c *Config) Told() control.Configuration {
	d := &document{config: *c}
	told := control.Configuration{Files: c.Files}
	top := d.topKeys()
	told.Tables = append(told.Tables, c.toldTable(table{nil, top}, defaultsOf(nil)))
	for _, name := range slices.Sorted(maps.Keys(top)) {
		if !top[name].isTable() {
			continue
		}
		for _, t := range top[name].tables() {
			told.Tables = append(told.Tables, c.toldTable(t, defaultsOf(t.name)))
		}
	}
	return told
}

func (c *Config) toldTable(t table, usual keys) control.ConfigTable {
	told := control.ConfigTable{Name: append([]string{}, t.name...), Keys: map[string]any{}, Defaults: []string{}}
	for _, name := range slices.Sorted(maps.Keys(t.keys)) {
		get := t.keys[name].get
		if get == nil {
			continue
		}
		value := get()
		if secret, ok := c.Secrets[toml.Key(slices.Concat(t.name, []string{name})).String()]; ok {
			value = secret
		} else if k := usual[name]; k.get != nil && reflect.DeepEqual(k.get(), value) {
			told.Defaults = append(told.Defaults, name)
		} else if t.keys[name].secret {
			value = hiddenValue
		}
		told.Keys[name] = crossedOut(value)
	}
	return told
}

// hiddenValue is told instead of a value that is nobody's business, as url.URL.Redacted has it.
const hiddenValue = "xxxxx"

// defaultsOf are the keys of a table with their defaults.
func defaultsOf(name []string) keys {
	d := &document{config: defaults()}
	switch {
	case len(name) == 0:
		return d.topKeys()
	case len(name) == 1:
		if known := d.topKeys()[name[0]]; known.isTable() {
			return known.tables()[0].keys
		}
	case name[0] == "pool":
		p := defaultPool(name[1])
		return poolKeys(&p)
	case name[0] == "site":
		s := defaultSite(name[1])
		return siteKeys(&s)
	}
	return nil
}

// crossedOut is a value without the passwords of URLs.
func crossedOut(v any) any {
	switch v := v.(type) {
	case string:
		if !strings.Contains(v, "://") {
			return v
		}
		if u, err := url.Parse(v); err == nil {
			return u.Redacted()
		}
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = crossedOut(item)
		}
		return list
	}
	return v
}

package conf

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"realdocd/gateway"
	"realdocd/gateway/fpm"
	"realdocd/gateway/nearest"
)

// unknown notes a key that its table does not have, and the key that was likely meant.
func (d *document) unknown(at []string, v any, known keys) {
	key, table := at[len(at)-1], at[:len(at)-1]
	if _, isTable := v.(map[string]any); isTable && len(table) == 0 {
		d.unknownTable(at)
		return
	}
	if name := dottedName(at, v); name != "" {
		d.excuse(slices.Concat(table, []string{"docroot"})) // which the table with the whole name has
		d.excuse(slices.Concat(table, []string{"server"}))
		d.faults.add(d.lines.of(at...), "[%s] is a table in a table: a name with dots wants quotes, as in [%s.%q]", at[0]+"."+name, at[0], name)
		return
	}
	what := fmt.Sprintf("unknown key %q", key)
	if len(table) > 0 {
		what += fmt.Sprintf(" in [%s]", toml.Key(table))
	}
	if home := d.homeOf(key); home != "" {
		d.faults.add(d.lines.of(at...), "%s: it belongs %s", what, home)
		return
	}
	near := nearest.To(key, slices.Sorted(maps.Keys(known)))
	d.excuse(slices.Concat(table, []string{near}))
	d.faults.add(d.lines.of(at...), "%s%s", what, didYouMean("%q", near))
}

// dottedName is the name that was meant by a table in a table with a name, as TOML reads
// [site.shop.example.com]; "" if it is none.
func dottedName(at []string, v any) string {
	in, isTable := v.(map[string]any)
	if len(at) != 3 || !isTable {
		return ""
	}
	name := strings.Join(at[1:], ".")
	for len(in) == 1 {
		for key, inner := range in {
			if in, isTable = inner.(map[string]any); isTable {
				name += "." + key
			}
		}
	}
	return name
}

func (d *document) unknownTable(at []string) {
	var names []string
	known := d.topKeys()
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if known[name].isTable() {
			names = append(names, name)
		}
	}
	near := nearest.To(at[0], names)
	d.excuse([]string{near})
	if known[near].named {
		near += ".NAME"
	}
	d.faults.add(d.lines.of(at...), "unknown table [%s]%s", toml.Key(at), didYouMean("[%s]", near))
}

// homeOf says in which tables a key belongs; "" if it belongs in none.
func (d *document) homeOf(key string) string {
	var found []string
	top := d.topKeys()
	if _, ok := top[key]; ok {
		found = append(found, "at the top of the file, before the first [table]")
	}
	empty := &document{config: Config{Gateway: gateway.Config{Pools: make([]fpm.Config, 1), Sites: make([]gateway.SiteConfig, 1)}}}
	for _, name := range slices.Sorted(maps.Keys(top)) {
		if !top[name].isTable() {
			continue
		}
		if _, ok := empty.topKeys()[name].tables()[0].keys[key]; !ok {
			continue
		}
		if top[name].named {
			name += ".NAME"
		}
		found = append(found, "in ["+name+"]")
	}
	return strings.Join(found, " or ")
}

// didYouMean is the end of a sentence about a name; "" without a better name.
func didYouMean(format, near string) string {
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean "+format+"?", near)
}

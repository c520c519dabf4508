package conf

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"realdocd/gateway"
	"realdocd/gateway/fpm"
)

// unknown notes a key that its table does not have, and the key that was likely meant.
func (d *document) unknown(at []string, v any, known keys) {
	key, table := at[len(at)-1], at[:len(at)-1]
	if _, isTable := v.(map[string]any); isTable && len(table) == 0 {
		d.unknownTable(at)
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
	near := Nearest(key, slices.Sorted(maps.Keys(known)))
	d.excuse(slices.Concat(table, []string{near}))
	d.faults.add(d.lines.of(at...), "%s%s", what, didYouMean("%q", near))
}

func (d *document) unknownTable(at []string) {
	near := Nearest(at[0], []string{"log", "pool", "site"})
	d.excuse([]string{near})
	if near == "pool" || near == "site" {
		near += ".NAME"
	}
	d.faults.add(d.lines.of(at...), "unknown table [%s]%s", toml.Key(at), didYouMean("[%s]", near))
}

// homeOf says in which tables a key belongs; "" if it belongs in none.
func (d *document) homeOf(key string) string {
	homes := []struct {
		keys  keys
		where string
	}{
		{d.topKeys(), "at the top of the file, before the first [table]"},
		{d.logKeys(), "in [log]"},
		{poolKeys(&fpm.Config{}), "in [pool.NAME]"},
		{siteKeys(&gateway.SiteConfig{}), "in [site.NAME]"},
	}
	var found []string
	for _, h := range homes {
		if _, ok := h.keys[key]; ok {
			found = append(found, h.where)
		}
	}
	return strings.Join(found, " or ")
}

// didYouMean is the end of a sentence about a name; "" without a better name.
func didYouMean(format, near string) string {
	if near == "" || near == ".NAME" {
		return ""
	}
	return fmt.Sprintf("; did you mean "+format+"?", near)
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"realdocd/gateway/control"
)

// writeConfiguration writes a configuration as TOML.
func writeConfiguration(out io.Writer, c control.Configuration, noDefaults bool) {
	for _, file := range c.Files {
		fmt.Fprintf(out, "# %s\n", plain(file))
	}
	for _, t := range c.Tables {
		var left []string
		if noDefaults {
			left = t.Defaults
		}
		if len(t.Name) == 1 && len(left) == len(t.Keys) {
			continue // such as [log]: a pool and a site are there also if they have nothing of their own
		}
		if len(t.Name) > 0 {
			fmt.Fprintf(out, "\n[%s]\n", tableName(t))
		}
		writeKeys(out, "", t.Keys, left)
	}
}

// writeKeys writes keys as TOML, each behind the mark, but those that are left out.
func writeKeys(out io.Writer, mark string, values map[string]any, left []string) {
	for _, key := range sortedKeys(values) {
		if !slices.Contains(left, key) {
			fmt.Fprintf(out, "%s%s = %s\n", mark, toml.Key{key}, tomlText(values[key]))
		}
	}
}

func writeChanges(out io.Writer, changes []configChange) {
	table := ""
	for _, c := range changes {
		if c.Key == "" {
			table = ""
			mark, values := "- ", c.Now
			if c.Next != nil {
				mark, values = "+ ", c.Next
			}
			fmt.Fprintf(out, "%s[%s]\n", mark, c.Table)
			writeKeys(out, mark, values.(map[string]any), c.without)
			continue
		}
		if c.Table != table && c.Table != topTable {
			fmt.Fprintf(out, "  [%s]\n", c.Table)
		}
		table = c.Table
		fmt.Fprintf(out, "- %[1]s = %[2]s\n+ %[1]s = %[3]s\n", c.Key, tomlText(c.Now), tomlText(c.Next))
	}
}

func sortedKeys(values map[string]any) []string { return slices.Sorted(maps.Keys(values)) }

// tomlText is a value in TOML.
func tomlText(v any) string {
	switch v := v.(type) {
	case string:
		return tomlString(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10)
		}
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = tomlText(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return fmt.Sprint(v)
}

// tomlString quotes a string as TOML does, which JSON does too.
func tomlString(s string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return strconv.Quote(s)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

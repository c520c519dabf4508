package main

import (
	"fmt"
	"slices"

	"github.com/BurntSushi/toml"

	"realdocd/gateway/control"
	"realdocd/gateway/nearest"
)

// topTable is how an operator names the top of the file.
const topTable = "top"

// tableName is the name of a table as the file has it between brackets.
func tableName(t control.ConfigTable) string {
	if len(t.Name) == 0 {
		return topTable
	}
	return toml.Key(t.Name).String()
}

// tablesNamed are the tables that an operator has named: by the whole name, with quotes or
// without, or by the first word for all of a kind. With no names they are all. A name that
// is none of them is an error, unless it may be missing here.
func tablesNamed(tables []control.ConfigTable, names []string, mayMiss bool) ([]control.ConfigTable, error) {
	if len(names) == 0 {
		return tables, nil
	}
	var chosen []control.ConfigTable
	var all []string
	for _, t := range tables {
		all = append(all, tableName(t))
	}
	for _, name := range names {
		found := false
		for _, t := range tables {
			if isTableNamed(t, name) {
				found = true
				chosen = append(chosen, t)
			}
		}
		if !found && !mayMiss {
			return nil, fmt.Errorf("there is no table %q%s", name, nearest.Hint(name, all))
		}
	}
	return chosen, nil
}

func isTableNamed(t control.ConfigTable, name string) bool {
	if name == tableName(t) || len(t.Name) > 0 && name == t.Name[0] {
		return true
	}
	return len(t.Name) == 2 && name == t.Name[0]+"."+t.Name[1]
}

// A configChange is a key, or with "" a whole table, that two configurations have differently.
type configChange struct {
	Table string `json:"table"`
	Key   string `json:"key,omitempty"`
	// Now is in force, Next in the file; nil is that the table is not there.
	Now  any `json:"now,omitempty"`
	Next any `json:"next,omitempty"`

	without []string // keys of a whole table that are not worth a line
}

// changesOf compares two configurations.
func changesOf(now, next []control.ConfigTable) []configChange {
	changes := []configChange{}
	for _, t := range now {
		name := tableName(t)
		at := slices.IndexFunc(next, func(other control.ConfigTable) bool { return tableName(other) == name })
		if at < 0 {
			changes = append(changes, configChange{Table: name, Now: t.Keys, without: t.Defaults})
			continue
		}
		changes = append(changes, keyChanges(name, t, next[at])...)
	}
	for _, t := range next {
		name := tableName(t)
		if !slices.ContainsFunc(now, func(other control.ConfigTable) bool { return tableName(other) == name }) {
			changes = append(changes, configChange{Table: name, Next: t.Keys, without: t.Defaults})
		}
	}
	return changes
}

// keyChanges compares the keys of a table. A gateway of another version may lack some:
// those are no change that the file makes.
func keyChanges(table string, now, next control.ConfigTable) (changes []configChange) {
	for _, key := range sortedKeys(next.Keys) {
		was, is := now.Keys[key], next.Keys[key]
		if was != nil && tomlText(was) != tomlText(is) {
			changes = append(changes, configChange{Table: table, Key: key, Now: was, Next: is})
		}
	}
	return changes
}

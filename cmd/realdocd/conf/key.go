package conf

import (
	"fmt"
	"io/fs"
	"reflect"
	"time"
)

// A key is how the value of a key is read, and how it is written.
type key struct {
	// set reads a TOML value into its place.
	set func(v any) error
	// get is the value that is in the place, as TOML has it. It is nil for what is written
	// in tables of its own, and for include.
	get func() any
	// tables are those of a key that stands for tables, each with its keys; else nil.
	tables func() []table
	// named says that the tables have names, as in [pool.NAME].
	named bool
	// shell says that a shell reads the value, and replaces what is in ${…} there.
	shell bool
	// secret says that nobody is told the value.
	secret bool
}

// A table is one of the configuration that was read.
type table struct {
	name []string // [] is the top of the file
	keys keys
}

// into reads a value into a place. What it is written as, its type says.
func into[T any](place *T, parse parser[T]) key {
	return intoAs(place, parse, func(value T) any { return written(reflect.ValueOf(value)) })
}

// intoAs is into for a value that is not written as its type is.
func intoAs[T any](place *T, parse parser[T], write func(T) any) key {
	return key{
		set: func(v any) error {
			got, err := parse(v)
			if err == nil {
				*place = got
			}
			return err
		},
		get: func() any { return write(*place) },
	}
}

// isTable says whether the key stands for tables.
func (k key) isTable() bool { return k.tables != nil }

// together is the key with tables that something is done to before any is read.
func (k key) together(do func(tables any)) key {
	set := k.set
	k.set = func(v any) error {
		do(v)
		return set(v)
	}
	return k
}

// forShell is the key with a value that a shell reads.
func (k key) forShell() key {
	k.shell = true
	return k
}

// hidden is the key with a value that nobody is told.
func (k key) hidden() key {
	k.secret = true
	return k
}

// inTable is the key of a table, such as [log].
func (d *document) inTable(name string, known func() keys) key {
	return key{
		set:    func(v any) error { return d.subtable([]string{name}, v, known()) },
		tables: func() []table { return []table{{[]string{name}, known()}} },
	}
}

// inTables is the key of tables with names, such as [pool.NAME]. read reads one, and tables
// gives those that were read.
func (d *document) inTables(kind string, read func(name string, raw map[string]any), tables func() []table) key {
	return key{
		set:    func(v any) error { return d.named(kind, v, read) },
		tables: tables, named: true,
	}
}

// written is a value as the parser of its type reads it.
func written(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		return durationText(value)
	case *time.Duration:
		if value == nil {
			return ""
		}
		return durationText(*value)
	case fs.FileMode:
		return fmt.Sprintf("%#o", value)
	case int64:
		return sizeText(value)
	case uint32: // a user
		return fmt.Sprint(value)
	case [2]string:
		return value[0] + ":" + value[1]
	case fmt.Stringer:
		return value.String()
	}
	switch v.Kind() {
	case reflect.Slice:
		list := []any{}
		for i := range v.Len() {
			list = append(list, written(v.Index(i)))
		}
		return list
	case reflect.Bool:
		return v.Bool()
	case reflect.Int:
		return v.Int()
	case reflect.Float64:
		return v.Float()
	case reflect.String:
		return v.String()
	}
	return fmt.Sprint(v.Interface())
}

// durationText is a duration without the zeros that time.Duration puts behind it.
func durationText(d time.Duration) string {
	text := d.String()
	for _, zero := range []struct{ end, less string }{{"m0s", "m"}, {"h0m", "h"}} {
		if n := len(text) - len(zero.end); n >= 0 && text[n:] == zero.end {
			text = text[:n] + zero.less
		}
	}
	return text
}

package main

import (
	"fmt"
	"slices"
	"strings"
)

// A fault is one thing that is wrong with the configuration. Line is 0 where
// it is something that is not there.
type fault struct {
	line int
	text string
}

// faults are all that was found in one file, "" for the command line.
type faults struct {
	file string
	list []fault
}

func (f *faults) add(line int, format string, args ...any) {
	f.list = append(f.list, fault{line, fmt.Sprintf(format, args...)})
}

// err gives the faults in the order of the file, or nil.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	slices.SortStableFunc(f.list, func(a, b fault) int { return a.line - b.line })
	return f
}

// where is a fault's place as editors understand it: "realdocd.toml:14".
func (f *faults) where(x fault) string {
	if x.line == 0 {
		return f.file
	}
	return fmt.Sprintf("%s:%d", f.file, x.line)
}

func (f *faults) Error() string {
	lines := make([]string, len(f.list))
	for i, x := range f.list {
		lines[i] = x.text
		if f.file != "" {
			lines[i] = f.where(x) + ": " + x.text
		}
	}
	return strings.Join(lines, "\n")
}

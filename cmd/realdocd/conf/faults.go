package conf

import (
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing that is wrong with the configuration.
type Fault struct {
	// Line is its line in the file, 0 if something is missing, or came from flags.
	Line int
	// Text says what is wrong and what to do.
	Text string
}

// Faults is the error of a configuration that is not taken: everything that is
// wrong with it, in the order of the file.
type Faults struct {
	File string // "" for flags, and if the file cannot be read
	List []Fault

	cause error // of a file that cannot be read
}

// unread is the one fault of a file that cannot be read.
func unread(format string, args ...any) *Faults {
	err := fmt.Errorf(format, args...)
	return &Faults{List: []Fault{{Text: err.Error()}}, cause: err}
}

// Unwrap is why the file cannot be read; nil if it was.
func (f *Faults) Unwrap() error { return f.cause }

func (f *Faults) add(line int, format string, args ...any) {
	f.List = append(f.List, Fault{line, fmt.Sprintf(format, args...)})
}

// err gives the faults in the order of the file, or nil.
func (f *Faults) err() error {
	if len(f.List) == 0 {
		return nil
	}
	slices.SortStableFunc(f.List, func(a, b Fault) int { return a.Line - b.Line })
	return f
}

// Error has a line for each fault, with its place as editors understand it, such
// as "realdocd.toml:14".
func (f *Faults) Error() string {
	lines := make([]string, len(f.List))
	for i, x := range f.List {
		switch {
		case f.File == "":
			lines[i] = x.Text
		case x.Line == 0:
			lines[i] = fmt.Sprintf("%s: %s", f.File, x.Text)
		default:
			lines[i] = fmt.Sprintf("%s:%d: %s", f.File, x.Line, x.Text)
		}
	}
	return strings.Join(lines, "\n")
}

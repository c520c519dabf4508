package conf

import (
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing that is wrong with the configuration.
type Fault struct {
	// File has it; "" for flags. It is the main file if something is missing.
	File string
	// Line is its line in the file, 0 if something is missing, or came from flags.
	Line int
	// Text says what is wrong and what to do.
	Text string
}

// Faults is the error of a configuration that is not taken: everything that is
// wrong with it, in the order of the file.
type Faults struct {
	File string // the main file; "" for flags
	List []Fault

	more []includedFile
}

// An includedFile has the lines behind a number: while a configuration is read, lines are
// numbered through all its files.
type includedFile struct {
	name   string
	before int // lines of the files before it
}

// beginFile notes that the next lines are those of another file, and how many lines the
// one before has.
func (f *Faults) beginFile(name string, linesBefore int) {
	f.more = append(f.more, includedFile{name, f.lastFileBegins() + linesBefore})
}

// lastFileBegins is how many lines there are before the file that began last.
func (f *Faults) lastFileBegins() int {
	if len(f.more) == 0 {
		return 0
	}
	return f.more[len(f.more)-1].before
}

// place is a line by its file and its number there.
func (f *Faults) place(line int) (file string, in int) {
	file, in = f.File, line
	for _, at := range f.more {
		if line > at.before {
			file, in = at.name, line-at.before
		}
	}
	return file, in
}

// placeText is a place as editors understand it, or "line 14" if it is in the file of the
// line from.
func (f *Faults) placeText(line, from int) string {
	file, in := f.place(line)
	if other, _ := f.place(from); file == other {
		return fmt.Sprintf("line %d", in)
	}
	return fmt.Sprintf("%s:%d", file, in)
}

func (f *Faults) add(line int, format string, args ...any) {
	f.List = append(f.List, Fault{Line: line, Text: fmt.Sprintf(format, args...)})
}

// err gives the faults in the order of the files, or nil.
func (f *Faults) err() error {
	if len(f.List) == 0 {
		return nil
	}
	slices.SortStableFunc(f.List, func(a, b Fault) int { return a.Line - b.Line })
	for i := range f.List {
		f.List[i].File, f.List[i].Line = f.place(f.List[i].Line)
	}
	return f
}

// Error has a line for each fault, with its place as editors understand it, such
// as "realdocd.toml:14".
func (f *Faults) Error() string {
	lines := make([]string, len(f.List))
	for i, x := range f.List {
		switch {
		case x.File == "":
			lines[i] = x.Text
		case x.Line == 0:
			lines[i] = fmt.Sprintf("%s: %s", x.File, x.Text)
		default:
			lines[i] = fmt.Sprintf("%s:%d: %s", x.File, x.Line, x.Text)
		}
	}
	return strings.Join(lines, "\n")
}

package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// includeKey is the key include, whose files are read before any key is.
func (d *document) includeKey() key {
	return key{set: func(any) error { return nil }}
}

// include reads the files that the document includes and puts what they have into raw, as
// if it stood in one file. text is that of the main file.
func (d *document) include(text string, raw map[string]any) {
	at := []string{"include"}
	value, ok := d.expand(at, key{}, raw["include"])
	if !ok || value == nil {
		return
	}
	patterns, err := listOf(includePattern)(value)
	for _, err := range each(err) {
		d.fault(at, "%v", err)
	}
	if err != nil {
		return
	}
	linesBefore := strings.Count(text, "\n") + 1
	for _, pattern := range patterns {
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(d.faults.File), pattern)
		}
		files, err := includedFiles(pattern)
		if err != nil {
			d.fault(at, "%v", err)
		}
		for _, file := range files {
			if slices.ContainsFunc(d.config.Files, func(known string) bool { return sameFile(known, file) }) {
				continue
			}
			text, err := d.readIncluded(file)
			if err != nil {
				d.fault(at, "%v", err)
				continue
			}
			d.config.Files = append(d.config.Files, file)
			d.faults.beginFile(file, linesBefore)
			linesBefore = strings.Count(text, "\n") + 1
			d.merge(raw, text)
		}
	}
}

// includePattern reads a path or a pattern of such.
func includePattern(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	if _, err := path.Match(s, ""); err != nil || s == "" {
		return "", wanted(`the path of a file, or a pattern such as "conf.d/*.toml"`, v)
	}
	return s, nil
}

// includedFiles are the files that fit a pattern, by their names. A file that is written
// out has to be there; a pattern may fit none. As for a shell, * is no name that begins
// with a dot.
func includedFiles(pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, `*?[\`) {
		return []string{pattern}, nil
	}
	dir, name := path.Split(pattern)
	if !strings.ContainsAny(dir, `*?[\`) {
		// filepath.Glob takes a directory that it may not read for one that is empty.
		if _, err := os.ReadDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%q: look into the directory: %w", pattern, err)
		}
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", pattern, err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		return strings.HasPrefix(path.Base(file), ".") && !strings.HasPrefix(name, ".")
	}), nil
}

func sameFile(a, b string) bool {
	fiA, errA := os.Stat(a)
	fiB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fiA, fiB)
}

// merge puts the text of an included file into raw. No key, and no table with a name, may
// be in two files.
func (d *document) merge(raw map[string]any, text string) {
	before := d.faults.lastFileBegins()
	index := indexLines(text)
	for key := range index {
		index[key] += before
	}
	more := d.decode(text, index)
	known := d.topKeys()
	for key, value := range more {
		if key == "include" {
			d.faults.add(index[key], "include belongs in the main file, %s: an included file includes no other", d.faults.File)
			continue
		}
		tables, isNamed := value.(map[string]any)
		before, wasNamed := raw[key].(map[string]any)
		switch {
		case raw[key] == nil:
			raw[key] = value
		case known[key].named && isNamed && wasNamed:
			for name, table := range tables {
				if before[name] != nil {
					d.twice(index, key, name)
					continue
				}
				before[name] = table
			}
		default:
			d.twice(index, key)
		}
	}
	for key, line := range index {
		if d.lines[key] == 0 {
			d.lines[key] = line
		}
	}
}

// twice notes a key that an included file has and a file before it too.
func (d *document) twice(index lines, at ...string) {
	here := index.of(at...)
	what := toml.Key(at).String()
	if len(at) > 1 {
		what = "[" + what + "]"
	}
	d.faults.add(here, "%s is there already, in %s", what, d.faults.placeText(d.lines.of(at...), here))
}

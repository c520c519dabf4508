package nginxconf

import (
	"errors"
	"fmt"
	"path/filepath"

	"realdocd/deploy"
)

const (
	maxFile   = 4 << 20 // bytes of one file
	maxFiles  = 10_000  // of all that are included
	maxNested = 50      // includes and blocks in each other
)

var (
	errNested  = errors.New("files or blocks are nested too deeply")
	errTooMany = errors.New("it includes too many files")
	errTooLong = errors.New("it is too long")
)

// A loader reads one configuration.
type loader struct {
	prefix string // of relative includes
	files  int
}

// Load reads a file with those that it includes. A relative include is below the directory
// of the file. A file that is included and cannot be read is left out, since nginx would
// not start with it.
func Load(file string) ([]*Directive, error) {
	l := &loader{prefix: filepath.Dir(file)}
	top := &Directive{}
	if err := l.read(file, top, 0); err != nil {
		return nil, fmt.Errorf("read nginx's configuration %s: %w", file, err)
	}
	for _, d := range top.Block {
		d.In = nil
	}
	return top.Block, nil
}

func (l *loader) read(file string, in *Directive, depth int) error {
	if l.files++; l.files > maxFiles {
		return errTooMany
	}
	text, err := deploy.ReadFollowed(file, maxFile+1)
	if err != nil {
		return err
	}
	if len(text) > maxFile {
		return errTooLong
	}
	s := &scanner{text: string(text), line: 1}
	return l.block(s, file, in, depth)
}

// block reads directives up to the end of the block or of the file.
func (l *loader) block(s *scanner, file string, in *Directive, depth int) error {
	if depth > maxNested {
		return errNested
	}
	for {
		words, line, end := s.directive()
		if len(words) == 0 {
			if end == '}' || end == 0 {
				return nil
			}
			continue
		}
		d := &Directive{Name: words[0], Args: words[1:], File: file, Line: line, In: in}
		if d.Name == "include" && end == ';' && d.Arg(0) != "" {
			if err := l.include(d.Arg(0), in, depth); err != nil {
				return err
			}
			continue
		}
		in.Block = append(in.Block, d)
		if end == '{' {
			d.Block = []*Directive{}
			if err := l.block(s, file, d, depth+1); err != nil {
				return err
			}
		}
	}
}

// include reads the files of a pattern into the block that includes them.
func (l *loader) include(pattern string, in *Directive, depth int) error {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(l.prefix, pattern)
	}
	found, _ := filepath.Glob(pattern) // nginx refuses a broken pattern itself
	for _, file := range found {
		err := l.read(file, in, depth+1)
		if errors.Is(err, errNested) || errors.Is(err, errTooMany) {
			return err
		}
	}
	return nil
}

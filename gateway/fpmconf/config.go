package fpmconf

import (
	"fmt"
	"path/filepath"
	"strings"

	"realdocd/deploy"
)

// Files is the file system that files are read from. Paths are absolute. Glob gives
// the files of a pattern in their order, and none for a broken pattern.
type Files interface {
	Read(file string) (string, error)
	Glob(pattern string) []string
}

// A Config is what files of PHP-FPM say.
type Config struct {
	File   string // that Load has read
	Global *Pool  // the section [global]
	Pools  []*Pool

	files Files
	read  map[string]bool
}

// New gives a Config that has read nothing yet.
func New(files Files) *Config {
	return &Config{Global: &Pool{Name: "global"}, files: files, read: map[string]bool{}}
}

// Load reads a file of this machine and those that it includes.
func Load(file string) (*Config, error) {
	c := New(thisMachine{})
	if err := c.Read(file); err != nil {
		return nil, err
	}
	c.File = file
	return c, nil
}

// Read reads a file and those that it includes. A file that was read before, by
// whichever way, is left out.
func (c *Config) Read(file string) error {
	if c.read[file] {
		return nil
	}
	section := c.Global
	return c.include(file, &section, 0)
}

// mostNested is how deep files may include each other. PHP-FPM refuses more.
const mostNested = 5

// include reads a file of which the first lines belong to the section. At its end it is
// the section that following lines belong to.
func (c *Config) include(file string, section **Pool, depth int) error {
	text, err := c.files.Read(file)
	if err != nil {
		return err
	}
	c.read[file] = true
	eachLine(file, text, func(name string, at Place) {
		*section = c.section(name, at)
	}, func(s Setting) {
		if s.Key != "include" {
			(*section).add(s)
			return
		}
		for _, more := range c.files.Glob(s.Value) {
			if err == nil && depth < mostNested {
				err = c.include(more, section, depth+1)
			}
		}
	})
	return err
}

func (c *Config) section(name string, at Place) *Pool {
	if strings.EqualFold(name, c.Global.Name) {
		return c.Global
	}
	for _, p := range c.Pools {
		if strings.EqualFold(name, p.Name) {
			return p
		}
	}
	p := &Pool{Name: name, At: at}
	c.Pools = append(c.Pools, p)
	return p
}

// maxFile is the longest file that is read of this machine, in bytes.
const maxFile = 4 << 20

// thisMachine is the file system of this machine.
type thisMachine struct{}

func (thisMachine) Read(file string) (string, error) {
	text, err := deploy.ReadFollowed(file, maxFile+1)
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is too long", file)
	}
	if err != nil {
		return "", fmt.Errorf("read FPM's configuration: %w", err)
	}
	return string(text), nil
}

func (thisMachine) Glob(pattern string) []string {
	found, _ := filepath.Glob(pattern) // FPM refuses a broken pattern itself
	return found
}

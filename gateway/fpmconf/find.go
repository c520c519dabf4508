package fpmconf

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

var masterTitle = regexp.MustCompile(`^php-fpm: master process \((.+)\)$`)

// Title is the title of a process; "" if it cannot be read.
func Title(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.TrimRight(string(line), "\x00 ")
}

// A Finder finds the configurations of many listeners and reads each file once: for
// questions of one moment, since it does not see what changes meanwhile. The zero one is
// ready. One goroutine uses it.
type Finder struct {
	read map[string]*Config // nil for a file that cannot be read
}

// load is Load, once for a file; nil if it cannot be read.
func (f *Finder) load(file string) *Config {
	c, known := f.read[file]
	if !known {
		if f.read == nil {
			f.read = map[string]*Config{}
		}
		c, _ = Load(file) // another may have the pool
		f.read[file] = c
	}
	return c
}

// Find is that of a Finder for one question.
func Find(addr string, titles ...string) (*Config, *Pool) { return new(Finder).Find(addr, titles...) }

// Find reads the configuration that a master process names in its title, or else the
// files that distributions have. It takes the first with a pool that listens at addr, and
// gives that pool too; nil if there is none. It opens what a title names: take titles
// only from whom you trust.
func (f *Finder) Find(addr string, titles ...string) (*Config, *Pool) {
	var files []string
	for _, title := range titles {
		if found := masterTitle.FindStringSubmatch(title); found != nil && path.IsAbs(found[1]) {
			files = append(files, found[1])
		}
	}
	usual, _ := filepath.Glob("/etc/php/*/fpm/php-fpm.conf") // the pattern is good
	for _, file := range append(append(files, usual...), "/etc/php-fpm.conf") {
		if c := f.load(file); c != nil {
			if own := c.PoolAt(addr); own != nil {
				return c, own
			}
		}
	}
	return nil, nil
}

package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// What the samples of etc/ have for the site, and for realdocd.
const (
	sampleSite   = "/var/www/shop/"
	sampleSocket = "/run/realdocd/realdocd.sock"
)

// place is where a sample configuration is put to work.
type place struct {
	FrontConfig
	dir    string
	listen Addr
}

// file is the path of a file in the place.
func (p *place) file(name string) string { return filepath.Join(p.dir, name) }

// install writes a file of etc/SERVER to the place, below the same name. The site's directory is put in, and
// then the further pairs of old and new text: paths, ports and sockets. What is not there to be replaced is
// an error, so that it is the sample that is tested and nothing else.
func (p *place) install(server, name string, pairs ...string) error {
	root, err := moduleDir()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(root, "etc", server, name))
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(b), sampleSite, p.Site.Dir+"/")
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			return fmt.Errorf("etc/%s/%s has no %q", server, name, pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	file := p.file(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

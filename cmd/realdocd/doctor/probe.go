package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"realdocd/gateway"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// probeTimeout bounds one question, which waits for a worker if all are busy.
const probeTimeout = 5 * time.Second

// iniKeys are the settings that the checks go by.
var iniKeys = append(pathKeys(),
	"open_basedir", "realpath_cache_size", "max_execution_time", "post_max_size", "disable_functions",
	"opcache.enable", "opcache.revalidate_path", "opcache.enable_file_override", "opcache.restrict_api", "opcache.validate_timestamps", "opcache.revalidate_freq", "opcache.file_update_protection",
	"user_ini.filename", "user_ini.cache_ttl", "realpath_cache_ttl", "opcache.use_cwd", "opcache.preload", "opcache.validate_root",
)

func pathKeys() (keys []string) {
	for _, setting := range phpPaths {
		keys = append(keys, setting.key)
	}
	return keys
}

// probeFiles are the probe in each directory in which FPM might read it: a unit may
// have a /tmp of its own.
type probeFiles struct {
	dirs  []ownDir
	files []string
	err   error
}

// newProbeFiles writes the probe. The caller removes it.
func newProbeFiles(c gateway.Config, roots []*root) *probeFiles {
	p := &probeFiles{}
	var visited []string // where a visitor could run it
	for _, at := range roots {
		visited = append(visited, at.Docroot, at.Release)
	}
	candidates := []string{os.TempDir()}
	if c.Control != "" {
		candidates = append([]string{filepath.Dir(c.Control)}, candidates...)
	}
	for _, pool := range c.Pools {
		for _, seen := range pool.Map { // of a PHP-FPM that sees nothing else
			candidates = append(candidates, seen[0])
		}
	}
	for _, dir := range candidates {
		if real, err := filepath.EvalSymlinks(dir); err != nil || below(real, visited) {
			continue // a visitor could run it
		}
		if err := p.write(dir); err != nil {
			p.err = err
		}
	}
	return p
}

// write makes a directory of its own, and reaches it by its descriptor: the one that it
// lies in may be somebody else's, who could put a symlink in its place meanwhile.
func (p *probeFiles) write(parent string) error {
	above, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	name := "realdocd-check-" + rand.Text()
	if err := above.Mkdir(name, 0o700); err != nil {
		above.Close()
		return err
	}
	p.dirs = append(p.dirs, ownDir{above, name})
	dir, err := above.OpenRoot(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	fi, err := dir.Stat(".")
	if err != nil {
		return err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("somebody has replaced %s while it was made", filepath.Join(parent, name))
	}
	if err := dir.Chmod(".", 0o755); err != nil {
		return err
	}
	if err := fpm.WriteProbeIn(dir); err != nil {
		return err
	}
	p.files = append(p.files, filepath.Join(parent, name, "fpm-probe.php"))
	return nil
}

// An ownDir is a directory that check has made in another.
type ownDir struct {
	above *os.Root
	name  string
}

func (p *probeFiles) remove() {
	for _, dir := range p.dirs {
		dir.above.RemoveAll(dir.name)
		dir.above.Close()
	}
}

// ask has FPM at addr run the probe.
func (p *probeFiles) ask(ctx context.Context, c *fpm.Config, addr sock.Addr, q fpm.Question) (*fpm.Answer, error) {
	err := p.err
	for _, file := range p.files {
		var answer fpm.Answer
		if answer, err = askWithin(ctx, c, addr, file, q); err == nil {
			return &answer, nil
		}
	}
	if err == nil {
		err = errors.New("there is no directory for it that is not below a docroot")
	}
	return nil, err
}

func askWithin(ctx context.Context, c *fpm.Config, addr sock.Addr, file string, q fpm.Question) (fpm.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return c.Ask(ctx, addr, file, q)
}

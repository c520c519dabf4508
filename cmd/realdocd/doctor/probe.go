package doctor

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"realdocd/gateway"
)

//go:embed probe.php
var probeScript []byte

// probeTimeout bounds one question. It waits for a worker where all are busy.
const probeTimeout = 5 * time.Second

// iniKeys are the settings that the checks go by.
var iniKeys = []string{
	"include_path", "open_basedir", "auto_prepend_file", "auto_append_file", "error_log", "realpath_cache_size",
	"opcache.enable", "opcache.restrict_api", "opcache.validate_timestamps", "opcache.revalidate_freq", "opcache.file_update_protection",
	"opcache.use_cwd", "opcache.preload", "opcache.file_cache", "opcache.validate_root",
}

// A probeQuestion is what the probe is asked.
type probeQuestion struct {
	INI   []string `json:"ini"`
	Paths []string `json:"paths"` // that FPM should be able to read
	Dirs  []string `json:"dirs"`  // releases, for opcache
}

// A probeAnswer is what the probe says.
type probeAnswer struct {
	Version           string
	UID               int
	Title, Master     string // of the worker's process and of its parent
	IncludePathLocked bool   `json:"include_path_locked"`
	INI               map[string]string
	Barred            map[string]string // of the paths: what bars the way
	RealpathCache     int64             `json:"realpath_cache"`
	HasOpcache        bool              `json:"has_opcache"`
	Opcache           *opcacheAnswer    // nil where it is off or does not tell
}

type opcacheAnswer struct {
	Free, Used, Wasted int64
	Keys, Scripts      int64
	MaxKeys            int64 `json:"max_keys"`
	Restarts           int64
	Full               bool
	Strings            int64
	FreeStrings        int64 `json:"free_strings"`
	Dirs               map[string][2]int64
}

// probeFiles are the probe in each of the directories where FPM might read it:
// a unit may have a /tmp of its own.
type probeFiles struct {
	dirs  []string
	files []string
	err   error
}

// newProbeFiles writes the probe. The caller removes it.
func newProbeFiles(c gateway.Config, places []*place) *probeFiles {
	p := &probeFiles{}
	var roots []string
	for _, at := range places {
		roots = append(roots, at.Docroot, at.Release)
	}
	candidates := []string{os.TempDir()}
	if c.Control != "" {
		candidates = append([]string{filepath.Dir(c.Control)}, candidates...)
	}
	for _, dir := range candidates {
		if real, err := filepath.EvalSymlinks(dir); err != nil || below(real, roots) {
			continue // a visitor could run it
		}
		if err := p.write(dir); err != nil {
			p.err = err
		}
	}
	return p
}

func (p *probeFiles) write(parent string) error {
	dir, err := os.MkdirTemp(parent, "realdocd-check-")
	if err != nil {
		return err
	}
	p.dirs = append(p.dirs, dir)
	file := filepath.Join(dir, "probe.php")
	ahead := time.Now().Add(24 * time.Hour) // opcache keeps nothing that is newer than the request
	for _, err := range []error{
		os.Chmod(dir, 0o755),
		os.WriteFile(file, probeScript, 0o644),
		os.Chmod(file, 0o644), // whatever the umask is
		os.Chtimes(file, ahead, ahead),
	} {
		if err != nil {
			return err
		}
	}
	p.files = append(p.files, file)
	return nil
}

func (p *probeFiles) remove() {
	for _, dir := range p.dirs {
		os.RemoveAll(dir)
	}
}

// ask has FPM at addr run the probe.
func (p *probeFiles) ask(ctx context.Context, addr string, q probeQuestion) (*probeAnswer, error) {
	question, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	err = p.err
	for _, file := range p.files {
		var answer *probeAnswer
		if answer, err = askProbe(ctx, addr, file, string(question)); err == nil {
			return answer, nil
		}
	}
	if err == nil {
		err = errors.New("there is no directory for it that is not below a docroot")
	}
	return nil, err
}

func askProbe(ctx context.Context, addr, file, question string) (*probeAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	said, err := gateway.AskScript(ctx, addr, file, map[string]string{"REALDOC_ASK": question})
	if err != nil {
		return nil, err
	}
	answer := &probeAnswer{}
	if said.Status != http.StatusOK {
		return nil, fmt.Errorf("instead of running %s it answered %v", file, said)
	}
	if err := json.Unmarshal(said.Body, answer); err != nil {
		return nil, fmt.Errorf("its answer cannot be read: %w", err)
	}
	return answer, nil
}

package fpm

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"realdocd/gateway/sock"
)

// probeScript answers what only PHP itself can tell.
//
//go:embed probe.php
var probeScript []byte

// A Question is what the probe is asked, beside what it always says.
type Question struct {
	INI     []string `json:"ini,omitempty"`     // names of settings
	Paths   []string `json:"paths,omitempty"`   // that FPM should be able to read
	Dirs    []string `json:"dirs,omitempty"`    // releases, for opcache
	Workers bool     `json:"workers,omitempty"` // how many there are
}

// An Answer is what the probe says.
type Answer struct {
	// Version is PHP_VERSION, such as "8.2.36" or "8.2.36-1~deb12u1".
	Version string
	// UID is the worker's user. Title and Master are the titles of its process and of
	// its parent's.
	UID           int
	Title, Master string
	// Workers is how many FPM's pool has at the moment; 0 if that cannot be told. FPM
	// has not answered FCGI_MAX_CONNS since PHP 7.0 (php-src,
	// fpm_php_set_fcgi_mgmt_vars is compiled out), and no script is told
	// pm.max_children.
	Workers int
	// IncludePath is that of php.ini, or PHP's default: what requests have set since, and
	// FPM has kept, is not in it.
	IncludePath string `json:"include_path"`
	// IncludePathLocked says that a php_admin_value of FPM's pool sets include_path.
	IncludePathLocked bool `json:"include_path_locked"`
	// INI has the settings that were asked for and that PHP knows.
	INI map[string]string
	// Barred has, for each path that FPM cannot read, the first part of it that bars
	// the way.
	Barred map[string]string
	// RealpathCache is how many bytes of the worker's realpath cache are in use.
	RealpathCache int64 `json:"realpath_cache"`
	// HasOpcache says whether PHP has opcache. Opcache is nil if that is off, or does
	// not tell (opcache.restrict_api).
	HasOpcache bool `json:"has_opcache"`
	Opcache    *Opcache
}

// Opcache is the state of PHP's opcode cache, which all pools of one FPM share. Memory is
// in bytes.
type Opcache struct {
	Free, Used, Wasted int64
	Keys, Scripts      int64
	MaxKeys            int64 `json:"max_keys"`
	Restarts           int64 // for want of memory or of keys
	Full               bool
	Strings            int64 // interned ones
	FreeStrings        int64 `json:"free_strings"`
	// Dirs has the memory and the number of the scripts below each directory that was
	// asked for.
	Dirs map[string][2]int64
}

// Ask has FPM at addr run the probe, script, which [WriteProbe] has written. It takes an
// ordinary worker of the pool. ctx bounds the wait and must come to an end.
func Ask(ctx context.Context, addr sock.Addr, script string, q Question) (Answer, error) {
	question, err := json.Marshal(q)
	if err != nil {
		return Answer{}, err
	}
	said, err := run(ctx, addr, map[string]string{
		"REQUEST_METHOD": http.MethodGet, "SCRIPT_NAME": "/" + filepath.Base(script), "SCRIPT_FILENAME": script,
		"DOCUMENT_ROOT": filepath.Dir(script), "REQUEST_URI": "/" + filepath.Base(script), "SERVER_PROTOCOL": "HTTP/1.1",
		"REALDOC_ASK": string(question),
	})
	if err != nil {
		return Answer{}, fmt.Errorf("ask FPM at %s: %w", addr, err)
	}
	var answer Answer
	if said.Status != http.StatusOK || json.Unmarshal(said.Body(), &answer) != nil || answer.Version == "" {
		return Answer{}, fmt.Errorf("ask FPM at %s: instead of an answer, %s gave %v; "+
			"see the pool's open_basedir, chroot and security.limit_extensions, and that its user may read the file",
			addr, script, said)
	}
	return answer, nil
}

// AskRelease asks the FPM of the least busy listener what it makes of directories: whether
// it can read them, and what opcache holds of them. The answer is of the FPM at addr.
func (p *Pool) AskRelease(ctx context.Context, dirs ...string) (answer Answer, addr sock.Addr, err error) {
	p.mu.Lock()
	l := p.chooseLocked(nil)
	probe := p.probe
	p.mu.Unlock()
	answer, err = p.Config().askBy(p.AskFPM, ctx, l.addr, probe, Question{Dirs: dirs, Paths: dirs})
	return answer, l.addr, err
}

// WriteProbe writes the probe into dir and returns the file's path. Another process sees
// the whole file or none; every user may read it. Its time lies ahead, so that opcache
// does not keep it: that keeps nothing that is newer than the request.
func WriteProbe(dir string) (path string, err error) {
	path = filepath.Join(dir, "fpm-probe.php")
	file, err := os.CreateTemp(dir, ".fpm-probe-*")
	if err != nil {
		return "", fmt.Errorf("write the script that asks FPM: %w", err)
	}
	_, err = file.Write(probeScript)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		ahead := time.Now().Add(24 * time.Hour)
		err = os.Chtimes(file.Name(), ahead, ahead)
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return "", fmt.Errorf("write the script that asks FPM: %w", err)
	}
	return path, nil
}

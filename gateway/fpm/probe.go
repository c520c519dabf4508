package fpm

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
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
	// Hits and Misses count scripts that were found in it or not, RestartsBy its restarts
	// by cause: "memory", "keys" or "manual".
	Hits, Misses int64
	RestartsBy   map[string]int64 `json:"restarts_by"`
	// JIT is nil if that is off. Its memory is in bytes.
	JIT         *JIT
	Full        bool
	Strings     int64 // interned ones
	FreeStrings int64 `json:"free_strings"`
	// Restarting says that it begins anew as soon as nothing runs.
	Restarting bool
	// Valid has the memory and the number of all scripts that are gone by: what was
	// invalidated is wasted until opcache begins anew.
	Valid [2]int64
	// Dirs has those below each directory that was asked for.
	Dirs map[string][2]int64
}

// JIT is the buffer of PHP's just-in-time compiler.
type JIT struct{ Size, Free int64 }

// Ask has FPM at addr run the probe, script, which [WriteProbe] has written. It takes an
// ordinary worker of the pool. ctx bounds the wait and must come to an end.
func Ask(ctx context.Context, addr sock.Addr, script string, q Question) (Answer, error) {
	said, err := runScript(ctx, addr, script, "REALDOC_ASK", q)
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

var errNoProbe = errors.New(`realdocd has no script that FPM could run: it needs a control socket, or reuse = "auto"`)

// AskAt is Ask of the FPM at one of the pool's listeners.
func (p *Pool) AskAt(ctx context.Context, addr sock.Addr, q Question) (Answer, error) {
	p.mu.Lock()
	probe := p.probe
	p.mu.Unlock()
	if probe == "" {
		return Answer{}, errNoProbe
	}
	return p.Config().askBy(p.AskFPM, ctx, addr, probe, q)
}

// CanAsk says whether there is a script for AskAt and Opcache. Whether FPM can run it,
// they tell.
func (p *Pool) CanAsk() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.probe != ""
}

// WriteProbe writes the probe, and opcache.php beside it, into dir and returns the probe's
// path. Another process sees a whole file or none; every user may read them. Their times
// lie ahead, so that opcache does not keep them: it keeps nothing that is newer than the
// request.
func WriteProbe(dir string) (path string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("write the script that asks FPM: %w", err)
	}
	defer root.Close()
	return filepath.Join(dir, probeFile), WriteProbeIn(root)
}

const probeFile = "fpm-probe.php"

// WriteProbeIn is WriteProbe for a directory that is open: whatever becomes of its name,
// nothing is written anywhere else.
func WriteProbeIn(root *os.Root) error {
	for name, text := range map[string][]byte{probeFile: probeScript, opcacheFile: opcacheScript} {
		if err := writeFor(root, name, text, 24*time.Hour); err != nil {
			return fmt.Errorf("write the script that asks FPM: %w", err)
		}
	}
	return nil
}

// writeFor writes a file for FPM, whose time lies so far ahead.
func writeFor(root *os.Root, name string, text []byte, ahead time.Duration) error {
	next := ".fpm-probe-" + rand.Text()
	file, err := root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		at := time.Now().Add(ahead)
		err = root.Chtimes(next, at, at)
	}
	if err == nil {
		err = root.Rename(next, name)
	}
	if err != nil {
		root.Remove(next)
	}
	return err
}

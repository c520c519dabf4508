package fpm

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"realdocd/gateway/sock"
)

// opcacheScript does something with opcache that only PHP itself can do.
//
//go:embed opcache.php
var opcacheScript []byte

// opcacheFile is its name beside the probe.
const opcacheFile = "fpm-opcache.php"

// A Task is something to be done with the opcache of an FPM; opcache.php says what.
type Task struct {
	Do     string   `json:"do"`
	Dirs   []string `json:"dirs,omitempty"`
	Gone   []string `json:"gone,omitempty"`
	Keep   []string `json:"keep,omitempty"`
	From   string   `json:"from,omitempty"`
	To     string   `json:"to,omitempty"`
	File   string   `json:"file,omitempty"`
	Failed []string `json:"failed,omitempty"` // not to be tried again
}

// Done is what became of a Task.
type Done struct {
	// Scripts were compiled, or are not to be gone by any more; Memory is theirs, in
	// bytes.
	Scripts, Memory int64
	// Failed could not be compiled, or opcache does not keep them.
	Failed []string
	// Paths are the scripts of a list.
	Paths []string

	more bool
}

// maxFailed bounds how many scripts that cannot be compiled are told to FPM again: a
// request's params have a limit.
const maxFailed = 100

// Opcache has FPM at addr do something with its opcache, again while there is more to do.
// What cannot be compiled is tried a second time, in a request of its own: two files that
// declare one name do not go into one. It takes an ordinary worker. ctx bounds it.
func (p *Pool) Opcache(ctx context.Context, addr sock.Addr, t Task) (Done, error) {
	p.mu.Lock()
	probe := p.probe
	p.mu.Unlock()
	if probe == "" {
		return Done{}, errNoProbe
	}
	c := p.Config()
	script := c.InFPM(filepath.Join(filepath.Dir(probe), opcacheFile))
	t.Dirs, t.Gone, t.Keep = c.allInFPM(t.Dirs), c.allInFPM(t.Gone), c.allInFPM(t.Keep)
	t.From, t.To, t.File = c.InFPM(t.From), c.InFPM(t.To), c.InFPM(t.File)
	var all Done
	for tried := 0; ; {
		got, err := doTask(ctx, addr, script, t)
		if err != nil {
			return all, err
		}
		all.Scripts, all.Memory, all.Paths = all.Scripts+got.Scripts, all.Memory+got.Memory, got.Paths
		if got.more && got.Scripts > 0 {
			continue // what fails is not asked for without an end
		}
		if len(got.Failed) > 0 && tried < 2 && got.Scripts > 0 {
			tried++ // some may have failed only since others came first
			continue
		}
		all.Failed = got.Failed
		return all, nil
	}
}

// doTask runs opcache.php once.
func doTask(ctx context.Context, addr sock.Addr, script string, t Task) (Done, error) {
	t.Failed = t.Failed[:min(len(t.Failed), maxFailed)]
	said, err := runScript(ctx, addr, script, "REALDOC_DO", t)
	if err != nil {
		return Done{}, fmt.Errorf("%s in the opcache of FPM at %s: %w", t.Do, addr, err)
	}
	var answer struct {
		OK      *bool
		Why     string
		Scripts int64
		Memory  int64
		Failed  []string
		More    bool
		Paths   []string
	}
	switch err := json.Unmarshal(said.Body(), &answer); {
	case err != nil || answer.OK == nil:
		return Done{}, fmt.Errorf("%s in the opcache of FPM at %s: instead of an answer, %s gave %v", t.Do, addr, script, said)
	case !*answer.OK && answer.Why == "":
		return Done{}, fmt.Errorf("%s in the opcache of FPM at %s: PHP refused", t.Do, addr)
	case !*answer.OK:
		return Done{}, errors.New(answer.Why)
	}
	return Done{
		Scripts: answer.Scripts, Memory: answer.Memory, Failed: answer.Failed, Paths: answer.Paths,
		more: answer.More,
	}, nil
}

// resetLooks is how often FPM is asked whether its opcache has begun anew: it does so with
// a request that comes while no other one runs.
const resetLooks = 20 * time.Millisecond

// Restart has the opcache of FPM at addr begin anew, and compile again what it has below
// the directories. The caller holds the pool, so that nobody meets it empty. Left scripts
// could not be compiled. An error that wraps ctx's says that it begins anew when what runs
// has ended.
func (p *Pool) Restart(ctx context.Context, addr sock.Addr, dirs []string) (compiled, left int, err error) {
	list, err := p.Opcache(ctx, addr, Task{Do: "list", Dirs: dirs})
	if err != nil {
		return 0, 0, err
	}
	p.mu.Lock()
	file := filepath.Join(filepath.Dir(p.probe), "fpm-restart-"+strconv.FormatInt(time.Now().UnixNano(), 36))
	p.mu.Unlock()
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return 0, 0, fmt.Errorf("write down what opcache has: %w", err)
	}
	defer root.Close()
	if err := writeFor(root, filepath.Base(file), []byte(strings.Join(list.Paths, "\n")+"\n"), 0); err != nil {
		return 0, 0, fmt.Errorf("write down what opcache has: %w", err)
	}
	defer root.Remove(filepath.Base(file))
	if _, err := p.Opcache(ctx, addr, Task{Do: "reset"}); err != nil {
		return 0, 0, err
	}
	if err := p.awaitRestart(ctx, addr); err != nil {
		return 0, 0, err
	}
	done, err := p.Opcache(ctx, addr, Task{Do: "restore", File: file})
	return int(done.Scripts), len(done.Failed), err
}

// awaitRestart returns when opcache has begun anew.
func (p *Pool) awaitRestart(ctx context.Context, addr sock.Addr) error {
	for {
		now, err := p.AskAt(ctx, addr, Question{})
		if err != nil {
			return err
		}
		if now.Opcache == nil || !now.Opcache.Restarting {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("scripts run on after their responses: it begins anew when they have ended: %w", ctx.Err())
		case <-time.After(resetLooks):
		}
	}
}

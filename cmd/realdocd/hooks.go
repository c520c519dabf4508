package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"runtime"
	"strings"
	"syscall"
	"time"

	"realdocd/deploy"
)

// hookTimeout bounds a command of before_flip and after_flip.
const hookTimeout = 15 * time.Minute

// maxHookOutput is how much of what a command says is kept for the message.
const maxHookOutput = 4 << 10

// beforeFlip runs the site's commands in a release, where it will be live. The first
// that fails stops the flip. A rollback goes to a release that has been through it, and a
// preview is not to change what visitors of the live release have. A canary of a fleet that goes live has been
// through it when it began.
func (g *goLive) beforeFlip(ctx context.Context, release string) error {
	if g.by == "rollback" || g.by == "preview" || g.canaried {
		return nil
	}
	for _, command := range g.site.BeforeFlip {
		err := g.do("before", func() (string, error) { return command, g.hook(ctx, release, command) })
		if err != nil {
			return fmt.Errorf("before_flip: %w", err)
		}
	}
	return nil
}

// afterFlip runs those that follow the flip, which stands whatever becomes of them.
func (g *goLive) afterFlip(ctx context.Context, release string) {
	for _, command := range g.site.AfterFlip {
		err := g.do("after", func() (string, error) { return command, g.hook(ctx, release, command) })
		if err != nil {
			g.warn("the flip stands, but after_flip: %v", err)
		}
	}
}

// hook runs a command of the shell in a release.
func (g *goLive) hook(ctx context.Context, release, command string) error {
	h := hook{command: command, dir: release, limit: hookTimeout}
	h.env = append(g.environ(release), "DOCUMENT_ROOT="+g.seenAs(release)+g.link.below)
	return h.run(ctx)
}

// A hook is a command of the shell that the configuration has.
type hook struct {
	command, dir string
	env          []string
	limit        time.Duration
	held         *os.File // which its processes hold open; nil is none
}

// run runs it as the owner of its directory, if we are root.
func (h hook) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", h.command)
	cmd.Dir, cmd.Env = h.dir, h.env
	if h.held != nil {
		cmd.ExtraFiles = []*os.File{h.held}
	}
	said := &tail{limit: maxHookOutput}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // all of its processes end with it
	if owner, ok := deploy.OwnerOf(h.dir); ok {
		// What is in the release is that user's to write: root must not run it.
		cmd.SysProcAttr.Credential = owner.Credential()
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err := runWithUs(cmd)
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("it took longer than %v", h.limit)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	text := fmt.Sprintf("%q in %s: %v", h.command, h.dir, err)
	if said := strings.TrimSpace(string(said.text)); said != "" {
		text += "\n" + said
	}
	return errors.New(text)
}

// environ is the environment of a command that runs for a release.
func (g *goLive) environ(release string) []string {
	seen := g.seenAs(release)
	env := os.Environ()
	if g.ofFleet {
		env = ownEnvironment(release) // the agent's has what is for the agent alone
	}
	return append(env, "REALDOC_SITE="+g.site.Name, "REALDOC_RELEASE="+path.Base(seen), "REALDOC_RELEASE_DIR="+seen,
		"REALDOC_BEFORE="+g.link.live)
}

// runWithUs runs a command, which gets SIGTERM if this process is killed. The signal comes
// with the end of the thread that starts it.
func runWithUs(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// A tail keeps the end of what is written.
type tail struct {
	text  []byte
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - t.limit; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

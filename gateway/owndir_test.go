package gateway

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// Whoever may write to a directory puts a socket or a script of his own in the place of ours.
func TestControlSocket_IsNotOpenedWhereOthersMayWrite(t *testing.T) {
	stack.NeedRoot(t, "a directory of another user")
	for name, row := range map[string]struct {
		uid  int
		mode os.FileMode
		err  string
	}{
		"its own":            {0, 0o755, ""},
		"another user's":     {33, 0o755, "belongs to user 33"},
		"everybody's":        {0, 0o777, "everybody may write"},
		"everybody's, as /t": {0, 0o777 | os.ModeSticky, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			dir := filepath.Join(b.dir, "control")
			b.must(os.Mkdir(dir, 0o755))
			b.must(os.Chmod(dir, row.mode))
			b.must(os.Chown(dir, row.uid, -1))
			b.cfg.Control = dir + "/c.sock"
			server := b.newServer()
			err := server.Listen()
			if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
				t.Errorf("it says %v", err)
			}
			server.sockets.Load().close()
		})
	}
}

func TestProbe_IsNotLaidWhereOthersMayWrite(t *testing.T) {
	stack.NeedRoot(t, "a directory of another user")
	b := newBench(t)
	dir := filepath.Join(b.dir, "php")
	b.must(os.Mkdir(dir, 0o755))
	b.must(os.Chown(dir, 33, -1))
	server := b.newServer()
	cfg := b.cfg
	cfg.ProbeDir = dir
	server.layProbe(&cfg)
	if names, _ := os.ReadDir(dir); len(names) > 0 || server.probe != "" {
		t.Errorf("the probe is %q, and the directory has %v", server.probe, names)
	}
	b.logged("belongs to user 33")
}

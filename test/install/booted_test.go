package install

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// A booted is a Debian of its own with a real systemd, in namespaces.
type booted struct {
	t    *testing.T
	root string
	pid  string // of its systemd
}

// boot boots the tree that REALDOCD_MACHINE names, which stays as it is. The packages are
// in /root. Without such a tree, what newMachine makes has to do: its systemctl is ours.
func boot(t *testing.T) *booted {
	t.Helper()
	tree := os.Getenv("REALDOCD_MACHINE")
	if tree == "" {
		t.Skip("SKIPPED, NOT PROVEN: REALDOCD_MACHINE names no tree to boot; make boot makes one and runs this")
	}
	stack.NeedRoot(t, "a machine with a systemd")
	stack.Need(t, "systemd-nspawn")
	stack.Need(t, "nsenter")
	b := build(t)
	dir, err := os.MkdirTemp("/tmp", "rdboot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	command(t, "", "mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", dir)
	t.Cleanup(func() { command(t, "", "umount", dir) })
	m := &booted{t: t, root: dir + "/root"}
	command(t, "", "mkdir", m.root, dir+"/upper", dir+"/work")
	command(t, "", "mount", "-t", "overlay", "overlay", "-o", "lowerdir="+tree+",upperdir="+dir+"/upper,workdir="+dir+"/work", m.root)
	t.Cleanup(func() { command(t, "", "umount", m.root) })
	for name, file := range map[string]string{"old.deb": b.old.deb, "new.deb": b.new.deb} {
		command(t, "", "cp", file, filepath.Join(m.root, "root", name))
	}
	cmd := exec.Command("systemd-nspawn", "-D", m.root, "--register=no", "--keep-unit", "-b", "--machine=realdocdtest", "--private-network")
	cmd.Env = append(environment(), "SYSTEMD_NSPAWN_TMPFS_TMP=0") // /tmp is on a disk, as in Debian 12
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		m.try("systemctl poweroff")
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	})
	// What systemd-nspawn has started first may be there for a moment only.
	stack.Until(t, "its systemd can be entered", func() bool {
		out, _ := exec.Command("pgrep", "-P", fmt.Sprint(cmd.Process.Pid)).Output()
		m.pid, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
		_, err := m.try("true")
		return m.pid != "" && err == nil
	})
	for ends := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) { // no event reaches us from there
		said, _ := m.try("systemctl is-system-running")
		if said = strings.TrimSpace(said); said == "running" || said == "degraded" {
			m.run(`echo "127.0.0.1 localhost $(hostname)" >/etc/hosts`) // sudo asks for it
			return m
		}
		if time.Now().After(ends) {
			t.Fatalf("it does not boot: %s", said)
		}
	}
}

func (m *booted) try(script string) (string, error) {
	cmd := exec.Command("nsenter", "-t", m.pid, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", "bash", "-c", script)
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (m *booted) run(script string) string {
	m.t.Helper()
	out, err := m.try(script)
	if err != nil {
		m.t.Fatalf("%s\nin the machine: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(out)
}

// curl is what a visitor gets from the machine's web server, or why he gets nothing.
func (m *booted) curl(host, path string) string {
	said, err := m.try("curl -sS --max-time 60 -H 'Host: " + host + "' http://127.0.0.1" + path)
	if err != nil {
		return err.Error() + ": " + said
	}
	return said
}

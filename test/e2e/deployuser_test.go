package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"realdocd/test/stack"
)

// A deploy user owns the site and is a member of control_group.
func TestADeployUserFlipsWhatHeOwnsWithoutRoot(t *testing.T) {
	stack.NeedRoot(t, "to become another user")
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 2})
	site := s.Site(stack.SiteConfig{})
	c := stack.GatewayFor(fpm, site)
	c.Top["control_group"], c.Top["look_groups"] = "5001", []string{"5002"}
	gw := s.Gateway(c)
	err := filepath.WalkDir(site.Dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, 4711, 4711))
	})
	for dir := filepath.Dir(gw.Config); dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		err = errors.Join(err, os.Chmod(dir, 0o755))
	}
	binary, binaryErr := stack.Binary()
	if err := errors.Join(err, binaryErr); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(s.Dir, "realdocd") // where the user may run it
	text, err := os.ReadFile(binary)
	if err == nil {
		own += "-program"
		err = os.WriteFile(own, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		group uint32
		want  string
	}{{5002, "takes the right to deploy"}, {5003, "may not use the control socket"}, {5001, ""}} {
		cmd := exec.Command(own, "flip", site.Name, site.Release(2), "--config", gw.Config, "--no-warm")
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4711, Groups: []uint32{row.group}}}
		out, err := cmd.CombinedOutput()
		if row.want == "" {
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			fi, err := os.Lstat(site.Link())
			if err != nil || fi.Sys().(*syscall.Stat_t).Uid != 4711 {
				t.Errorf("the link is %+v, %v", fi, err)
			}
			if live, _ := filepath.EvalSymlinks(site.Link()); live != site.Release(2) {
				t.Errorf("live is %s", live)
			}
			continue
		}
		if err == nil || !strings.Contains(string(out), row.want) {
			t.Errorf("group %d: %v, %s", row.group, err, out)
		}
	}
}

package install

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// What make install puts into a directory is what the package has.
func TestMakeInstall_InstallsWhatThePackageHas(t *testing.T) {
	stack.Need(t, "dpkg-deb")
	b := build(t)
	fromSource, fromPackage := filepath.Join(t.TempDir(), "with a space"), t.TempDir()
	command(t, b.tree, "make", "install", "DESTDIR="+fromSource, "UNITDIR=/usr/lib/systemd/system", "ZSHDIR=/usr/share/zsh/vendor-completions")
	command(t, "", "dpkg-deb", "-x", b.old.deb, fromPackage)
	source, packed := contents(t, fromSource), contents(t, fromPackage)
	for name := range packed {
		if source[name] != packed[name] {
			t.Errorf("%s is not the same from source and from the package", name)
		}
	}
	for name := range source {
		if _, ok := packed[name]; !ok {
			t.Errorf("%s is not in the package", name)
		}
	}
}

// Nothing of etc/ may be forgotten.
func TestMakeInstall_InstallsAllOfEtc(t *testing.T) {
	b := build(t)
	dir := t.TempDir()
	command(t, b.tree, "make", "install", "DESTDIR="+dir)
	installed := contents(t, dir)
	etc := os.DirFS(filepath.Join(b.tree, "etc"))
	err := fs.WalkDir(etc, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		where := ""
		switch top, rest, _ := strings.Cut(name, "/"); top {
		case "package":
			return nil
		case "sysusers.d":
			where = "/usr/lib/" + name
		case "systemd", "logrotate.d":
			where = "/etc/" + name
		case "man":
			where = "/usr/share/man/man" + strings.TrimPrefix(filepath.Ext(rest), ".") + "/" + rest + ".gz"
		default:
			where = "/usr/share/doc/realdocd/examples/" + name
		}
		if _, ok := installed[where]; !ok {
			t.Errorf("etc/%s is not installed as %s", name, where)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"/usr/bin/realdocd", "/usr/bin/realdocd-fleet", "/etc/realdocd/realdocd.toml", "/usr/share/doc/realdocd/copyright", "/usr/share/doc/realdocd/changelog.gz",
		"/usr/share/bash-completion/completions/realdocd", "/usr/share/fish/vendor_completions.d/realdocd.fish",
	} {
		if _, ok := installed[name]; !ok {
			t.Errorf("%s is not installed", name)
		}
	}
}

func TestMakeInstall_KeepsTheConfigurationAndNeedsNoGo(t *testing.T) {
	b := build(t)
	dir := t.TempDir()
	// As under sudo, whose PATH has no go.
	install := func() string {
		return command(t, b.tree, "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-euc",
			"! command -v go; make install WEBUSER=caddy PREFIX=/opt/realdocd SYSCONFDIR=/opt/etc DESTDIR="+dir)
	}
	install()
	const file = "/opt/etc/realdocd/realdocd.toml"
	if err := os.WriteFile(dir+file, []byte("# mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if said := install(); !strings.Contains(said, file+" stays as it is") {
		t.Errorf("make install says\n%s", said)
	}
	installed := contents(t, dir)
	if installed[file] != "-rw-r--r-- # mine\n" {
		t.Errorf("the configuration has become %q", installed[file])
	}
	if socket := installed["/opt/etc/systemd/system/realdocd.socket"]; !strings.Contains(socket, "\nSocketGroup=caddy\n") {
		t.Errorf("caddy may not connect:\n%s", socket)
	}
	if users := installed["/opt/realdocd/lib/sysusers.d/realdocd.conf"]; !strings.Contains(users, "\nm realdocd caddy\n") {
		t.Errorf("realdocd is not of caddy's group:\n%s", users)
	}
	unit := strings.Split(installed["/opt/etc/systemd/system/realdocd.service"], "\n")
	for _, want := range []string{
		"ExecStart=/opt/realdocd/bin/realdocd serve --config /opt/etc/realdocd/realdocd.toml", "User=realdocd", "Group=realdocd",
	} {
		if !slices.Contains(unit, want) {
			t.Errorf("the unit has no line %q:\n%s", want, join(unit))
		}
	}
}

// What a fleet needs is in a program of its own, so that it is not in every daemon's memory.
func TestMakeInstall_HasTheCommandsOfAFleetInTheProgramBesideRealdocd(t *testing.T) {
	b := build(t)
	dir := t.TempDir()
	command(t, b.tree, "make", "install", "DESTDIR="+dir)
	for _, args := range [][]string{{"fleet", "status"}, {"__complete", "fleet", "f"}, {"deploy", "shop", "x", "--fleet"}} {
		var said [2]string
		for i, beside := range []bool{true, false} {
			if !beside {
				os.Rename(dir+"/usr/bin/realdocd-fleet", dir+"/usr/bin/moved")
			}
			out, _ := exec.Command(dir+"/usr/bin/realdocd", args...).CombinedOutput()
			said[i] = string(out)
		}
		os.Rename(dir+"/usr/bin/moved", dir+"/usr/bin/realdocd-fleet")
		if missing := "realdocd-fleet is not there"; strings.Contains(said[0], missing) || !strings.Contains(said[1], missing) {
			t.Errorf("realdocd %s says\n%s\nand without realdocd-fleet\n%s", strings.Join(args, " "), said[0], said[1])
		}
	}
	out, err := exec.Command(dir+"/usr/bin/realdocd", "fleet", "status", "--config", "/nowhere.toml").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "/nowhere.toml") {
		t.Errorf("%v: %s", err, out)
	}
}

// contents gives mode and text of all files below dir, by their path there.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		found[strings.TrimPrefix(file, dir)] = info.Mode().String() + " " + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

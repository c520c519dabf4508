package install

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runInit is the first process of a machine, in namespaces of its own: it makes the machine's root below
// dir, enters it, says "ready" and serves systemctl until its standard input ends, and with it the machine.
// The directories in shared are the same inside and outside.
func runInit(dir string, shared []string) int {
	if err := makeRoot(dir, shared); err != nil {
		fmt.Println(err)
		return 1
	}
	manager, err := newManager()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	go manager.serve()
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	return 0
}

func makeRoot(dir string, shared []string) error {
	root, upper, work := filepath.Join(dir, "root"), filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	steps := []func() error{
		func() error { return mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return mount("tmpfs", dir, "tmpfs", 0, "mode=0755") },
		func() error { return mkdirs(root, upper, work) },
		func() error {
			return mount("overlay", root, "overlay", 0, "lowerdir=/,upperdir="+upper+",workdir="+work)
		},
		func() error { return mount("proc", root+"/proc", "proc", 0, "") },
		func() error { return mount("/dev", root+"/dev", "", unix.MS_BIND|unix.MS_REC, "") },
		func() error { return mount("tmpfs", root+"/run", "tmpfs", 0, "mode=0755") },
		func() error { return mount("tmpfs", root+"/tmp", "tmpfs", 0, "mode=1777") },
		// What was changed in the machine, for the test to look at.
		func() error { return bind(upper, root+changedDir) },
		// The sign that systemd runs, see sd_booted(3).
		func() error { return mkdirs(root + "/run/systemd/system") },
		func() error { return bindAll(shared, root) },
		func() error { return unix.Chroot(root) },
		func() error { return os.Chdir("/") },
		loopbackUp,
		writePrograms,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func mount(what, where, kind string, flags uintptr, options string) error {
	if err := unix.Mount(what, where, kind, flags, options); err != nil {
		return fmt.Errorf("mount %s %s %s: %w", kind, where, options, err)
	}
	return nil
}

func mkdirs(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func bind(from, to string) error {
	if err := mkdirs(to); err != nil {
		return err
	}
	return mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
}

func bindAll(dirs []string, root string) error {
	for _, dir := range dirs {
		if err := bind(dir, root+dir); err != nil {
			return err
		}
	}
	return nil
}

// loopbackUp is ip link set lo up.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket for lo: %w", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("name lo: %w", err)
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}

// writePrograms puts a sudo for root before all others, and our systemctl in the place of the real one: rpm
// gives its scripts a PATH of its own.
func writePrograms() error {
	if err := mkdirs(ownBin); err != nil {
		return err
	}
	if err := os.WriteFile(ownBin+"sudo", []byte("#!/bin/sh\nexec \"$@\"\n"), 0o755); err != nil {
		return err
	}
	if err := copyProgram(systemctlPath, realSystemctl); err != nil {
		return err
	}
	ours := ownBin + systemctlName
	if err := copyProgram("/proc/self/exe", ours); err != nil {
		return err
	}
	return mount(ours, systemctlPath, "", unix.MS_BIND, "")
}

func copyProgram(from, to string) error {
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o755)
}

const (
	changedDir = "/run/changed"
	// Not below /usr: what is there must be the host's or the package's.
	ownBin        = "/run/bin/"
	systemctlPath = "/usr/bin/systemctl"
	realSystemctl = ownBin + "systemctl.real"
	// As root has it, with ours first.
	machinePath = "/run/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// environment is that of everything that runs in a machine; nothing of ours is.
func environment(more ...string) []string {
	return append([]string{"PATH=" + machinePath, "HOME=/root", "LANG=C", "DEBIAN_FRONTEND=noninteractive"}, more...)
}

// exitCode is as a shell has it.
func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// join is for what is shown to people.
func join(lines []string) string { return strings.Join(lines, "\n") }

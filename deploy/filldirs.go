package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// A fillDirs is the target of a fill, held open, and who fills it.
type fillDirs struct {
	target *os.File
	as     *Owner // whom rsync runs as; nil for ourselves
}

// openFill opens the target, and gives it a directory for what rsync has not finished.
// Where we are root and the target is somebody else's, rsync runs as him: who may write
// there could lead it, in the middle of its work, to any place where it may write.
func openFill(source, target string) (d *fillDirs, err error) {
	if err := MakeDirs(target); err != nil {
		return nil, err
	}
	d = &fillDirs{}
	if d.target, err = os.OpenFile(target, unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if o, ok := OwnerOf(d.at()); ok {
		d.as = &o
		err = d.mayRead(source)
	}
	if err == nil {
		err = d.inTarget(func(root *os.Root) error {
			return errors.Join(root.RemoveAll(fillDir), root.Mkdir(fillDir, 0o700))
		})
	}
	if err != nil {
		d.target.Close()
		return nil, err
	}
	return d, nil
}

// at is the target, whatever becomes of its name.
func (d *fillDirs) at() string { return fmt.Sprintf("/proc/self/fd/%d", d.target.Fd()) }

// mayRead wants the owner of the target to be able to read the source.
func (d *fillDirs) mayRead(source string) error {
	err := d.as.do(func() error {
		_, err := os.ReadDir(source)
		return err
	})
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("it is %s's, and is filled as that user, who may not read %s: let him (also the directories above), or run this as %s", d.as, source, d.as)
	}
	return err
}

// inTarget does something in the target, as its owner.
func (d *fillDirs) inTarget(do func(*os.Root) error) error {
	work := func() error {
		root, err := os.OpenRoot(d.at())
		if err != nil {
			return err
		}
		defer root.Close()
		return do(root)
	}
	if d.as == nil {
		return work()
	}
	return d.as.do(work)
}

// done removes what only an unfinished fill has.
func (d *fillDirs) done() error {
	return d.inTarget(func(root *os.Root) error { return root.Remove(fillDir) })
}

func (d *fillDirs) credential() *syscall.Credential {
	if d.as == nil {
		return nil
	}
	return d.as.Credential()
}

// rsyncFlags are those of -a but for times, devices and pipes. A file that would run as
// another user, whoever starts it, loses that: what a source has is not a reason to trust it.
func rsyncFlags(as *Owner) []string {
	flags := "-rlp"
	if os.Geteuid() == 0 && as == nil {
		flags += "og"
	}
	return []string{flags, "--no-D", "--chmod=Fug-s"}
}

// findRsync finds rsync where systems have it. Root takes none from anywhere else.
func findRsync() (string, error) {
	for _, dir := range []string{"/usr/bin", "/bin", "/usr/local/bin"} {
		path := filepath.Join(dir, "rsync")
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	if os.Geteuid() != 0 {
		if path, err := exec.LookPath("rsync"); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", errors.New("rsync is not installed, which fills releases: on Debian, apt-get install rsync")
}

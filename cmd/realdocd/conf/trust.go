package conf

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// readIncluded reads a file that a pattern has found. Nobody has named that file: who may
// write to it, or put another into its directory, decides what root runs. So these are
// only who has written the main file, root, and who reads.
func (d *document) readIncluded(file string) (string, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO would hang
	if err != nil {
		return "", fmt.Errorf("read an included file: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read an included file: %w", err)
	}
	if !fi.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file", file)
	}
	dir, err := os.Stat(path.Dir(file))
	if err != nil {
		return "", fmt.Errorf("read an included file: %w", err)
	}
	for _, at := range []struct {
		path string
		fi   fs.FileInfo
	}{{file, fi}, {path.Dir(file), dir}} {
		if who := d.stranger(at.fi); who != "" {
			return "", fmt.Errorf("%s may be written to by %s, who could have commands run and sites moved by it: give it to root, with chown root: %[1]s and chmod go-w %[1]s", at.path, who)
		}
	}
	text, err := readAll(f)
	if err != nil {
		return "", fmt.Errorf("read an included file: %w", err)
	}
	return string(text), nil
}

// stranger says who may write to a file, if that is anybody else than root, who reads, and
// the owner of the main file.
func (d *document) stranger(fi fs.FileInfo) string {
	is, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return "nobody knows whom"
	}
	if is.Uid != 0 && is.Uid != uint32(os.Geteuid()) {
		main, err := os.Stat(d.faults.File)
		if err != nil || main.Sys().(*syscall.Stat_t).Uid != is.Uid {
			return fmt.Sprintf("the user %d", is.Uid)
		}
	}
	switch mode := fi.Mode(); {
	case mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0:
		return "everybody"
	case mode.Perm()&0o020 != 0 && is.Gid != 0 && os.Geteuid() == 0:
		return fmt.Sprintf("the group %d", is.Gid)
	}
	return ""
}

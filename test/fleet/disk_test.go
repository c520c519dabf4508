package fleet

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A disk is a host's: small, so that it can be full. What the host keeps is on it: its releases, its link, and what
// realdocd writes down.
type disk struct{ dir string }

// mount makes the disk.
func (y *yard) mount(dir string) disk {
	y.t.Helper()
	y.must(os.Mkdir(dir, 0o755))
	if err := unix.Mount("disk", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=24m,nr_inodes=8000,mode=755"); err != nil {
		y.t.Fatalf("mount a disk on %s: %v", dir, err)
	}
	y.t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return disk{dir}
}

// fill leaves room for nothing, neither for data nor for names.
func (d disk) fill() error {
	waste := filepath.Join(d.dir, ".waste")
	if err := os.Mkdir(waste, 0o755); err != nil {
		return err
	}
	big, err := os.Create(filepath.Join(waste, "big"))
	if err != nil {
		return err
	}
	defer big.Close()
	for block := make([]byte, 64<<10); ; {
		if _, err := big.Write(block); err != nil {
			break
		}
	}
	for i := 0; ; i++ {
		f, err := os.Create(filepath.Join(waste, fmt.Sprint(i)))
		if err != nil {
			return nil
		}
		f.Close()
	}
}

// free gives the room back.
func (d disk) free() error { return os.RemoveAll(filepath.Join(d.dir, ".waste")) }

package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Resolved says what a docroot came to in one look.
type Resolved struct {
	// Docroot is the docroot as asked for, cleaned.
	Docroot string
	// Link is the first symlink on Docroot's path, or Docroot itself where
	// there is none.
	Link string
	// Release is the directory that Link resolves to.
	Release string
	// ResolvedDocroot is the docroot below Release.
	ResolvedDocroot string
}

// Inspect resolves a docroot once, as a Resolver would. linkAfter is
// Options.LinkAfter.
func Inspect(docroot string, mode Mode, linkAfter string) (Resolved, error) {
	docroot = filepath.Clean(docroot)
	link, err := findLink(docroot, linkAfter)
	if err != nil {
		return Resolved{}, fmt.Errorf("look for the link of docroot %s: %w", docroot, err)
	}
	var buf [unix.PathMax]byte
	n, err := readRelease(buf[:], link, mode)
	if err != nil {
		return Resolved{}, fmt.Errorf("resolve link %s: %w", link, err)
	}
	release := string(buf[:n])
	resolved := Resolved{docroot, link, release, release + docroot[len(link):]}
	if fi, err := os.Stat(resolved.ResolvedDocroot); err != nil {
		return Resolved{}, fmt.Errorf("resolve docroot %s: %w", docroot, err)
	} else if !fi.IsDir() {
		return Resolved{}, fmt.Errorf("resolve docroot %s: %s is not a directory", docroot, resolved.ResolvedDocroot)
	}
	return resolved, nil
}

// findLink gives the first symlink on docroot's path below the directory
// after, or docroot itself where there is none.
func findLink(docroot, after string) (string, error) {
	after = strings.TrimSuffix(after, "/")
	start := 0
	if strings.HasPrefix(docroot, after+"/") {
		start = len(after)
	}
	for end := start + 1; end <= len(docroot); end++ {
		if end < len(docroot) && docroot[end] != '/' {
			continue
		}
		fi, err := os.Lstat(docroot[:end])
		if err != nil {
			return "", err
		}
		if fi.Mode()&os.ModeSymlink != 0 {
			return docroot[:end], nil
		}
	}
	return docroot, nil
}

// readRelease writes the path of the release that link points to now.
func readRelease(buf []byte, link string, mode Mode) (int, error) {
	if mode == Readlink {
		return readlinkOnce(buf, link)
	}
	return realpath(buf, link)
}

// procFDs is /proc/self/fd, where the kernel names what is open.
var procFDs = sync.OnceValues(func() (int, error) {
	return unix.Open("/proc/self/fd", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
})

// realpath writes the real path of the directory dir.
func realpath(buf []byte, dir string) (int, error) {
	proc, err := procFDs()
	if err != nil {
		return 0, fmt.Errorf("open /proc/self/fd, which resolving needs: %w", err)
	}
	fd, err := openPath(dir)
	if err != nil {
		return 0, err
	}
	var name [20]byte
	n, err := unix.Readlinkat(proc, string(strconv.AppendInt(name[:0], int64(fd), 10)), buf)
	var gone bool
	if err == nil && strings.HasSuffix(string(buf[:n]), " (deleted)") {
		var st unix.Stat_t
		gone = unix.Fstat(fd, &st) != nil || st.Nlink == 0
	}
	unix.Close(fd)
	switch {
	case err != nil:
		return 0, fmt.Errorf("name the directory: %w", err)
	case gone:
		return 0, unix.ENOENT
	case n == len(buf):
		return 0, unix.ENAMETOOLONG
	case buf[0] != '/':
		return 0, errors.New("the release is outside of the daemon's root directory")
	}
	return n, nil
}

func openPath(dir string) (int, error) {
	for {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// readlinkOnce writes what the symlink link points to, as an absolute path.
func readlinkOnce(buf []byte, link string) (int, error) {
	n, err := unix.Readlink(link, buf)
	switch {
	case err == unix.EINVAL: // no symlink: the directory is the release
		return copy(buf, link), nil
	case err != nil:
		return 0, err
	case n == len(buf):
		return 0, unix.ENAMETOOLONG
	}
	target := string(buf[:n])
	if !filepath.IsAbs(target) {
		target = filepath.Dir(link) + "/" + target
	}
	return copy(buf, filepath.Clean(target)), nil
}

// localFilesystem says whether both paths are on file systems that answer
// without a network or another process, so that a look need not fear to hang.
func localFilesystem(paths ...string) bool {
	for _, p := range paths {
		var st unix.Statfs_t
		if unix.Statfs(p, &st) != nil {
			return false
		}
		switch int64(st.Type) {
		case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC,
			unix.RAMFS_MAGIC, unix.F2FS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, zfsMagic:
		default:
			return false
		}
	}
	return true
}

// zfsMagic is ZFS_SUPER_MAGIC of OpenZFS, which golang.org/x/sys does not have.
const zfsMagic = 0x2fc12fc1

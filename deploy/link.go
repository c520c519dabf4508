package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unsafe"

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
	release, err := release(link, mode)
	if err != nil {
		return Resolved{}, fmt.Errorf("resolve link %s: %w", link, err)
	}
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

// release gives the directory that link points to now.
func release(link string, mode Mode) (string, error) {
	if mode == Realpath {
		return realpath(link)
	}
	text, err := os.Readlink(link)
	if errors.Is(err, unix.EINVAL) { // no symlink: the directory is the release
		return link, nil
	}
	if err != nil {
		return "", err
	}
	return target(link, text), nil
}

// procFDs is /proc/self/fd, where the kernel names what is open.
var procFDs = sync.OnceValues(func() (int, error) {
	return unix.Open("/proc/self/fd", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
})

// realpath gives the real path of the directory dir, in one walk by the kernel.
func realpath(dir string) (string, error) {
	proc, err := procFDs()
	if err != nil {
		return "", fmt.Errorf("open /proc/self/fd, which resolving needs: %w", err)
	}
	fd, err := openPath(dir)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(proc, strconv.Itoa(fd), buf[:])
	path := string(buf[:max(n, 0)])
	var st unix.Stat_t
	switch {
	case err != nil:
		return "", fmt.Errorf("name the directory: %w", err)
	case n == len(buf):
		return "", unix.ENAMETOOLONG
	case !filepath.IsAbs(path):
		return "", errors.New("it is outside of the daemon's root directory")
	case strings.HasSuffix(path, " (deleted)") && (unix.Fstat(fd, &st) != nil || st.Nlink == 0):
		return "", unix.ENOENT
	}
	return path, nil
}

func openPath(dir string) (int, error) {
	for {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// readlink is unix.Readlink without telling Go's scheduler, which costs more than
// the call. It is for a link on a local file system that was walked a moment
// ago, whose text the kernel has: a call that hangs would hold a processor. linkz
// ends in a zero byte, so that no copy of it is made on the stack, which every
// connection's goroutine would keep.
func readlink(linkz, buf []byte) (int, error) {
	at := unix.AT_FDCWD
	n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(at), uintptr(unsafe.Pointer(unsafe.SliceData(linkz))),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// A fileID tells one directory from another, whatever its name.
type fileID struct{ dev, ino uint64 }

// identify follows all symlinks.
func identify(dir string) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return fileID{}, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	return fileID{uint64(st.Dev), st.Ino}, nil
}

// target is what a symlink with the given text points to, as an absolute path.
func target(link, text string) string {
	if !filepath.IsAbs(text) {
		text = filepath.Dir(link) + "/" + text
	}
	return filepath.Clean(text)
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

package deploy

import (
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readlink is unix.Readlink without a copy of the path on the stack, which every
// connection's goroutine would keep: linkz ends in a zero byte. Go's scheduler is told of
// the call, so that it can take the processor back from one that hangs: a file system that
// was fast a moment ago, or a layer below it, may not be any more.
func readlink(linkz, buf []byte) (int, error) {
	at := unix.AT_FDCWD
	n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(at), uintptr(unsafe.Pointer(unsafe.SliceData(linkz))),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// target is what a symlink with the given text points to, as an absolute path.
func target(link, text string) string {
	if !filepath.IsAbs(text) {
		text = filepath.Dir(link) + "/" + text
	}
	return filepath.Clean(text)
}

// localFilesystem says whether paths are on file systems that answer without a network or
// another process, so that a look need not fear to hang. An overlay is as local as its
// layers.
func localFilesystem(paths ...string) bool { return localWithin(maxOverlays, paths...) }

// maxOverlays is how many overlays may lie upon each other, as for the kernel
// (FILESYSTEM_MAX_STACK_DEPTH). Beyond it nothing is local: in a mount namespace of its own,
// as of a container, the path of a layer may lead to the overlay itself.
const maxOverlays = 2

func localWithin(overlays int, paths ...string) bool {
	for _, p := range paths {
		var st unix.Statfs_t
		if unix.Statfs(p, &st) != nil {
			return false
		}
		switch int64(st.Type) {
		case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC,
			unix.RAMFS_MAGIC, unix.F2FS_SUPER_MAGIC, zfsMagic:
		case unix.OVERLAYFS_SUPER_MAGIC:
			layers := overlayLayers(p)
			if len(layers) == 0 || overlays == 0 || !localWithin(overlays-1, layers...) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// zfsMagic is ZFS_SUPER_MAGIC of OpenZFS, which golang.org/x/sys does not have.
const zfsMagic = 0x2fc12fc1

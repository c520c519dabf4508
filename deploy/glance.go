package deploy

import (
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// glanceWithin is how soon after a look another one may be a glance.
	glanceWithin = 100 * time.Millisecond
	// settledAfter is how old a link is before a glance can tell it from one that comes
	// later: a file system may note times in whole seconds, and give the inode of the
	// link before last to a new one.
	settledAfter = 2500 * time.Millisecond
)

// A glance is how the kernel describes a link whose text is known. While it says the same of
// the path, the text is the same: the text of a symlink never changes, and another symlink has
// another inode, or another time.
//
// Its call is made without a word to Go's scheduler, which would wake Go's monitor thread with
// each: that then looks around every 20 µs, on the processor that PHP or the web server could
// have. What is called so must not wait, for nothing else of the program runs meanwhile. To
// describe a link, unlike to read it, writes no access time, and takes nothing that is not in
// memory if the link was looked at a moment ago: on file systems that keep what they know of a
// file with its inode, and ask nobody else. That is why an overlay is none of them.
type glance struct {
	link unix.Statx_t // as it was when its text was read
	now  unix.Statx_t
}

// glances says whether a link is on a file system where a glance does not wait, and the way to
// it is on local ones: the kernel walks it each time. Of a way that leads through symlinks it is
// not known where it goes.
func glances(link string) bool {
	dir := filepath.Dir(link)
	if real, err := filepath.EvalSymlinks(dir); err != nil || real != dir {
		return false
	}
	for above := dir; above != "/"; {
		above = filepath.Dir(above)
		if !localFilesystem(above) {
			return false
		}
	}
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return false
	}
	switch int64(st.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true
	}
	return false
}

// describe has the kernel describe a link whose path ends in a zero byte.
func (g *glance) describe(linkz []byte, to *unix.Statx_t) bool {
	at := unix.AT_FDCWD
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(at), uintptr(unsafe.Pointer(unsafe.SliceData(linkz))),
		unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE|unix.STATX_INO|unix.STATX_CTIME,
		uintptr(unsafe.Pointer(to)), 0)
	return errno == 0 && to.Mask&(unix.STATX_INO|unix.STATX_CTIME) == unix.STATX_INO|unix.STATX_CTIME
}

// same says whether the link is still the one whose text was read.
func (g *glance) same(linkz []byte) bool { return g.describe(linkz, &g.now) && isOne(&g.now, &g.link) }

// isOne says whether two descriptions are of one link.
func isOne(a, b *unix.Statx_t) bool {
	return a.Ino == b.Ino && a.Ctime == b.Ctime && a.Dev_major == b.Dev_major && a.Dev_minor == b.Dev_minor
}

// begin notes what a link is before its text is read; end says whether that was the same
// link all the time, and old enough to be known again.
func (g *glance) begin(linkz []byte) bool { return g.describe(linkz, &g.link) }

func (g *glance) end(linkz []byte, settled time.Duration) bool {
	return g.same(linkz) && time.Since(time.Unix(g.link.Ctime.Sec, int64(g.link.Ctime.Nsec))) > settled
}

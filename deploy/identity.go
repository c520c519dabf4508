package deploy

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Identity tells one directory from another, whatever its name. File systems
// give the number of an inode again soon after it is free; when it was made
// tells the two apart.
type Identity struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	// Born is when the inode was made, in Unix nanoseconds; 0 where the file
	// system does not tell.
	Born int64 `json:"born,omitempty"`
}

// IdentityOf is that of a directory, by way of symlinks.
func IdentityOf(dir string) (Identity, error) {
	st, err := statAt(unix.AT_FDCWD, dir, 0)
	if err != nil {
		return Identity{}, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	return identityOf(st), nil
}

// identityOfZ is IdentityOf without a copy of the path: dirz ends in a zero byte.
func identityOfZ(dirz []byte) (Identity, error) {
	var st unix.Statx_t
	at := unix.AT_FDCWD
	_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(at), uintptr(unsafe.Pointer(unsafe.SliceData(dirz))),
		noAutomount, statMask, uintptr(unsafe.Pointer(&st)), 0)
	if errno != 0 {
		return Identity{}, errno
	}
	return identityOf(st), nil
}

// Is says whether both are one directory. The number of a device may be another
// after the machine has started anew, so that it decides only where nothing
// better does.
func (i Identity) Is(other Identity) bool {
	if i.Born != 0 && other.Born != 0 {
		return i.Inode == other.Inode && i.Born == other.Born
	}
	return i.Device == other.Device && i.Inode == other.Inode
}

func (i Identity) known() bool { return i.Inode != 0 }

// same is Is for two that were seen at about the same time.
func (i Identity) same(other Identity) bool { return i.Device == other.Device && i.Is(other) }

func (i Identity) String() string { return fmt.Sprintf("device %#x, inode %d", i.Device, i.Inode) }

const (
	statMask    = unix.STATX_BASIC_STATS | unix.STATX_BTIME | unix.STATX_MNT_ID
	noAutomount = unix.AT_NO_AUTOMOUNT
)

// statAt is statx, for what flags say of symlinks.
func statAt(dir int, name string, flags int) (st unix.Statx_t, err error) {
	for {
		err = unix.Statx(dir, name, flags|noAutomount, statMask, &st)
		if err != unix.EINTR {
			return st, err
		}
	}
}

func identityOf(st unix.Statx_t) Identity {
	i := Identity{Device: unix.Mkdev(st.Dev_major, st.Dev_minor), Inode: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		i.Born = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return i
}

// isMountPoint says whether something is mounted on what was looked at in a
// directory of the mount.
func isMountPoint(st unix.Statx_t, mount uint64) bool {
	return st.Attributes&st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 ||
		st.Mask&unix.STATX_MNT_ID != 0 && st.Mnt_id != mount
}

package deploy

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Owner is whose directory root works in. What root does there it does with the
// owner's rights: so nothing that he has put in the way leads further than he could go
// himself, and what is made is his.
type Owner struct{ UID, GID uint32 }

// OwnerOf is the owner of a directory, if we are root and he is not. Otherwise ok is
// false: what we may do, we may do as who we are.
func OwnerOf(dir string) (o Owner, ok bool) {
	var st unix.Stat_t
	if os.Geteuid() != 0 || unix.Stat(dir, &st) != nil || st.Uid == 0 {
		return Owner{}, false
	}
	return Owner{st.Uid, st.Gid}, true
}

// String is the owner's name.
func (o Owner) String() string {
	id := strconv.FormatUint(uint64(o.UID), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

// asOwnerOf does something in a directory as its owner, where we are root and he is not.
// at is the directory: as root has opened it, for the owner need not be able to come there
// from above. do must not leave its goroutine.
func asOwnerOf(dir string, do func(at string) error) error {
	o, ok := OwnerOf(dir)
	if !ok {
		return do(dir)
	}
	fd, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer fd.Close()
	at := fmt.Sprintf("/proc/self/fd/%d", fd.Fd())
	return rename(o.do(func() error { return do(at) }), at, dir)
}

// rename has an error name a directory as people know it.
func rename(err error, at, dir string) error {
	put := func(path *string) {
		if rest, ok := strings.CutPrefix(*path, at); ok {
			*path = dir + rest
		}
	}
	if of := (*os.PathError)(nil); errors.As(err, &of) {
		put(&of.Path)
	}
	if of := (*os.LinkError)(nil); errors.As(err, &of) {
		put(&of.Old)
		put(&of.New)
	}
	return err
}

// do has the kernel take this thread for the owner in all that it does with files
// (setfsuid(2)), and in nothing else: no other thread notices, and the owner may not
// send us signals.
func (o Owner) do(do func() error) (err error) {
	runtime.LockOSThread()
	groups, err := unix.Getgroups()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("act as %s: %w", o, err)
	}
	defer func() {
		if err := errors.Join(setThread(os.Geteuid(), os.Getegid()), setThreadGroups(groups)); err != nil {
			return // the thread stays locked, and so ends with the goroutine
		}
		runtime.UnlockOSThread()
	}()
	if err := setThreadGroups(o.groups()); err != nil {
		return fmt.Errorf("act as %s: %w", o, err)
	}
	if err := setThread(int(o.UID), int(o.GID)); err != nil {
		return fmt.Errorf("act as %s: %w", o, err)
	}
	return do()
}

// groups are those that the owner is a member of, and his directory's.
func (o Owner) groups() []int {
	groups := []int{int(o.GID)}
	u, err := user.LookupId(strconv.FormatUint(uint64(o.UID), 10))
	if err != nil {
		return groups
	}
	ids, _ := u.GroupIds()
	for _, id := range ids {
		if gid, err := strconv.Atoi(id); err == nil && gid != 0 {
			groups = append(groups, gid)
		}
	}
	return groups
}

// Credential has a process be the owner's.
func (o Owner) Credential() *syscall.Credential {
	c := &syscall.Credential{Uid: o.UID, Gid: o.GID}
	for _, gid := range o.groups() {
		c.Groups = append(c.Groups, uint32(gid))
	}
	return c
}

// setThread sets who the thread is for the file system.
func setThread(uid, gid int) error {
	unix.SetfsgidRetGid(gid)
	unix.SetfsuidRetUid(uid)
	// Both say only who it was before.
	isGID, _ := unix.SetfsgidRetGid(-1)
	isUID, _ := unix.SetfsuidRetUid(-1)
	if isUID != uid || isGID != gid {
		return fmt.Errorf("the kernel keeps user %d and group %d", isUID, isGID)
	}
	return nil
}

// setThreadGroups is setgroups(2) for the thread alone. That of package syscall is for
// all of them.
func setThreadGroups(groups []int) error {
	list := make([]uint32, len(groups)+1)
	for i, g := range groups {
		list[i] = uint32(g)
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&list[0])), 0)
	runtime.KeepAlive(list)
	if errno != 0 {
		return os.NewSyscallError("setgroups", errno)
	}
	return nil
}

// MakeDirs makes a directory and those above it that are missing, as the owner of the
// first that is there.
func MakeDirs(dir string) error {
	above := filepath.Clean(dir)
	for {
		if _, err := os.Lstat(above); err == nil || above == "/" || above == "." {
			break
		}
		above = filepath.Dir(above)
	}
	return asOwnerOf(above, func(at string) error {
		return os.MkdirAll(at+strings.TrimPrefix(filepath.Clean(dir), above), 0o755)
	})
}

package doctor

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"realdocd/gateway/sock"
)

// An identity is a user with its groups, by whose rights files are judged. The nil one is
// whoever runs check.
type identity struct {
	name   string
	uid    uint32
	gid    uint32
	groups []uint32 // beside gid
}

// identityOf finds a user by name or number, as it would log in.
func identityOf(name string) (*identity, error) {
	u, err := user.Lookup(name)
	if err != nil {
		byID, idErr := user.LookupId(name)
		if idErr != nil {
			return nil, err
		}
		u = byID
	}
	who := &identity{name: u.Username, uid: number(u.Uid), gid: number(u.Gid)}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		who.groups = append(who.groups, number(g))
	}
	return who, nil
}

// identityOfListener is whom the process runs as that listens on a unix socket, with the
// groups that its unit has added.
func identityOfListener(socket string) (*identity, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	creds, err := sock.CredsOf(conn.(*net.UnixConn))
	if err != nil {
		return nil, err
	}
	return &identity{nameOfUser(int(creds.UID)), creds.UID, creds.Groups[0], creds.Groups[1:]}, nil
}

// nameOfUser is the name of a user for people.
func nameOfUser(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

// identityOfProcess is whom a process runs as.
func identityOfProcess(pid int) (*identity, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	who := &identity{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch {
		case key == "Uid" && len(fields) > 1:
			who.uid = number(fields[1])
		case key == "Gid" && len(fields) > 1:
			who.gid = number(fields[1])
		case key == "Groups":
			for _, g := range fields {
				who.groups = append(who.groups, number(g))
			}
		}
	}
	who.name = nameOfUser(int(who.uid))
	return who, nil
}

func number(text string) uint32 {
	n, _ := strconv.ParseUint(text, 10, 32) // of the kernel, or of /etc/passwd
	return uint32(n)
}

// isUs says whether the identity has no other rights than check itself, or cannot be
// taken.
func (who *identity) isUs() bool { return who == nil || os.Geteuid() != 0 || who.uid == 0 }

// do runs f with the identity's rights, if check has root's. f must not begin a goroutine,
// which would have check's. Only the thread of f changes its user, and it ends with f: the
// system calls of this are those of one thread, however libraries hide that. Nothing else
// runs in it meanwhile, and nobody may look into it, since the kernel closes a process that
// has changed a user to all but root.
func (who *identity) do(f func()) {
	if who.isUs() {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			// But this one is the process's own, and stays: who it is, the process is. While it
			// waits here, another thread takes the identity.
			who.do(f)
			runtime.UnlockOSThread()
			return
		}
		if who.take() {
			f()
		}
	}()
	<-done
}

// take makes the calling thread the identity's. It is false where check has not the right to
// do that, as in some containers: then nothing can be told.
func (who *identity) take() bool {
	groups := append([]uint32{who.gid}, who.groups...)
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0]))},
		{unix.SYS_SETRESGID, uintptr(who.gid), uintptr(who.gid), uintptr(who.gid)},
		{unix.SYS_SETRESUID, uintptr(who.uid), uintptr(who.uid), uintptr(who.uid)},
	} {
		if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return false
		}
	}
	runtime.KeepAlive(groups)
	return true
}

// may says why the identity may not use a path so: W_OK and the like of access(2). It is
// nil if that cannot be told, because check has the rights of neither that user nor root.
func (who *identity) may(path string, mode uint32) (err error) {
	if !who.canBeTold() {
		return nil
	}
	who.do(func() { err = unix.Access(path, mode) })
	return err
}

func (who *identity) canBeTold() bool {
	return who == nil || os.Geteuid() == 0 || int(who.uid) == os.Geteuid()
}

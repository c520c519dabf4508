package install

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// A socket is an active socket unit: what it listens on, until it is stopped.
type socket struct {
	unit  *unit
	files []*os.File
}

// service is the unit that gets the sockets.
func (s *socket) service() string {
	return s.unit.get("Socket.Service", s.unit.bare()+".service")
}

// fdName is what the service finds in LISTEN_FDNAMES.
func (s *socket) fdName() string { return s.unit.get("Socket.FileDescriptorName", s.unit.name) }

func startSocket(r *reaper, u *unit) (*socket, error) {
	s := &socket{unit: u}
	for _, line := range u.all("Socket.ExecStartPre") {
		null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		_, done, err := r.start("/bin/sh", []string{"sh", "-c", line}, &os.ProcAttr{Env: environment(), Files: []*os.File{null, null, null}})
		null.Close()
		if err != nil {
			return nil, err
		}
		if status := <-done; exitCode(status) != 0 {
			return nil, fmt.Errorf("%s of %s ended with %d", line, u.name, exitCode(status))
		}
	}
	for _, where := range u.all("Socket.ListenStream") {
		file, err := s.listen(where)
		if err != nil {
			s.stop()
			return nil, fmt.Errorf("%s: ListenStream=%s: %w", u.name, where, err)
		}
		s.files = append(s.files, file)
	}
	return s, nil
}

func (s *socket) listen(where string) (*os.File, error) {
	if !strings.HasPrefix(where, "/") {
		listener, err := net.Listen("tcp", where)
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		return listener.(*net.TCPListener).File()
	}
	if err := mkdirMode(filepath.Dir(where), s.unit.get("Socket.DirectoryMode", "0755")); err != nil {
		return nil, err
	}
	if err := os.Remove(where); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: where, Net: "unix"})
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	listener.SetUnlinkOnClose(false)
	uid, gid, err := ids(s.unit.get("Socket.SocketUser", "root"), s.unit.get("Socket.SocketGroup", ""))
	if err == nil {
		err = os.Chown(where, uid, gid)
	}
	if err == nil {
		err = chmod(where, s.unit.get("Socket.SocketMode", "0666"))
	}
	if err != nil {
		return nil, err
	}
	return listener.File()
}

// stop closes the sockets. The paths stay, as systemd leaves them without RemoveOnStop.
func (s *socket) stop() {
	for _, file := range s.files {
		file.Close()
	}
	if s.unit.get("Socket.RemoveOnStop", "no") == "yes" {
		for _, where := range s.unit.all("Socket.ListenStream") {
			os.Remove(where)
		}
	}
}

// ids finds a user, and a group: by default the user's.
func ids(userName, groupName string) (uid, gid int, err error) {
	u, err := user.Lookup(userName)
	if err != nil {
		return 0, 0, err
	}
	group := u.Gid
	if groupName != "" {
		g, err := user.LookupGroup(groupName)
		if err != nil {
			return 0, 0, err
		}
		group = g.Gid
	}
	if uid, err = strconv.Atoi(u.Uid); err == nil {
		gid, err = strconv.Atoi(group)
	}
	return uid, gid, err
}

// groupsOf are the groups that a user is a member of.
func groupsOf(userName string) (groups []uint32, err error) {
	u, err := user.Lookup(userName)
	if err != nil {
		return nil, err
	}
	ids, err := u.GroupIds()
	for _, id := range ids {
		gid, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		groups = append(groups, uint32(gid))
	}
	return groups, err
}

// chownTree gives a directory to a user, and all that is in it: unless it is the
// user's already, as systemd does it (path_chown_recursive in systemd's source).
func chownTree(dir string, uid, gid int) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st := fi.Sys().(*syscall.Stat_t); int(st.Uid) == uid && int(st.Gid) == gid {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}

func chmod(path, mode string) error {
	bits, err := strconv.ParseUint(mode, 8, 12)
	if err != nil {
		return fmt.Errorf("mode %s: %w", mode, err)
	}
	return os.Chmod(path, os.FileMode(bits))
}

// mkdirMode makes a directory that is not there, with this mode.
func mkdirMode(dir, mode string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return chmod(dir, mode)
}

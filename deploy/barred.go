package deploy

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// barred says of a way that was refused which directory bars it, and what opens it
// for this process's user.
func barred(dir string, err error) error {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return fmt.Errorf("%s bars the way: %w", dir, err)
	}
	return fmt.Errorf("%s bars the way: it is %v and belongs to %s:%s; let this user in: setfacl -m u:%s:x %s: %w",
		dir, fs.FileMode(st.Mode&0o777)|fs.ModeDir, userName(st.Uid), groupName(st.Gid), userName(uint32(os.Geteuid())), dir, err)
}

func userName(id uint32) string {
	text := strconv.FormatUint(uint64(id), 10)
	if u, err := user.LookupId(text); err == nil {
		return u.Username
	}
	return text
}

func groupName(id uint32) string {
	text := strconv.FormatUint(uint64(id), 10)
	if g, err := user.LookupGroupId(text); err == nil {
		return g.Name
	}
	return text
}

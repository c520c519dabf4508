package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"strconv"

	"golang.org/x/sys/unix"
)

// fileMode lets the group read: a log is for more than its owner. It is the
// mode of a file that is made here, whatever the umask.
const fileMode = 0o640

// openFile opens a log file to append to, and makes it if there is none. If it is a
// pipe without a reader, that is an error and not a wait.
func openFile(file string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_APPEND | unix.O_NONBLOCK
	f, err := os.OpenFile(file, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err = os.OpenFile(file, flags|os.O_CREATE|os.O_EXCL, fileMode); err == nil {
			err = f.Chmod(fileMode)
		}
		if errors.Is(err, fs.ErrExist) { // made by another a moment ago
			f, err = os.OpenFile(file, flags, 0)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the log file: %w: %s", err, fileAdvice(file, err))
	}
	return f, nil
}

// fileAdvice says what to do if a log file cannot be opened.
func fileAdvice(file string, err error) string {
	dir := path.Dir(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("make the directory %s, or have systemd do so with LogsDirectory=", dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("let %s write in %s, or take another output in [log]", userName(), dir)
	case errors.Is(err, unix.EROFS):
		return fmt.Sprintf("under systemd, add %s to ReadWritePaths= of the unit", dir)
	case errors.Is(err, unix.EISDIR):
		return "name a file in it"
	}
	return `take another file as output in [log], or "stderr"`
}

// userName is the user that the process runs as.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "the user " + strconv.Itoa(os.Geteuid())
}

package logging

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

func TestLogFile_AnOperatorIsToldWhatToDoIfItCannotBeOpened(t *testing.T) {
	for err, want := range map[error]string{
		fs.ErrPermission: "let " + userName() + " write in /var/log",
		syscall.EROFS:    "add /var/log to ReadWritePaths=",
		syscall.ENOENT:   "make the directory /var/log",
		syscall.EISDIR:   "name a file in it",
	} {
		if got := fileAdvice("/var/log/realdocd.log", err); !strings.Contains(got, want) {
			t.Errorf("the advice for %v is %q, want %q in it", err, got, want)
		}
	}
}

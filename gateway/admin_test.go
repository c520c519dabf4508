package gateway

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestTheControlSocketIsForTheGroupAndTheModeOfTheConfiguration(t *testing.T) {
	socket := t.TempDir() + "/control.sock"
	for _, row := range []struct {
		name string
		who  access
		mode os.FileMode
		gid  int
		err  string
	}{
		{"the default", access{}, 0o660, os.Getegid(), ""},
		{"a mode", access{mode: 0o600}, 0o600, os.Getegid(), ""},
		{"a group by its number", access{mode: 0o660, group: "2"}, 0o660, 2, ""},
		{"a group by its name", access{mode: 0o660, group: "daemon"}, 0o660, 1, ""},
		{"a group that is not there", access{key: "control", group: "no-such-group"}, 0, 0, `there is no group "no-such-group" here`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.gid != os.Getegid() && os.Geteuid() != 0 {
				t.Skip("SKIPPED, NOT PROVEN: only root may give a file to any group")
			}
			control, err := openAdmin(socket, nil, row.who, nil)
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("opened with %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer control.close()
			fi, err := os.Stat(socket)
			if err != nil {
				t.Fatal(err)
			}
			if gid := int(fi.Sys().(*syscall.Stat_t).Gid); fi.Mode().Perm() != row.mode || gid != row.gid {
				t.Errorf("the socket has mode %#o and group %d, want %#o and %d", fi.Mode().Perm(), gid, row.mode, row.gid)
			}
		})
	}
}

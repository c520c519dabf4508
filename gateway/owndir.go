package gateway

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwnDir says why others could put something of theirs in the place of what the
// daemon has in a directory: who owns it may rename and remove what is in it, and so may
// everybody whom its mode lets write.
func checkOwnDir(dir string) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return nil
	case st.Uid != 0 && int(st.Uid) != os.Geteuid():
		return fmt.Errorf("the directory %s belongs to user %d, who could put something else there: give it to the user of realdocd, or take another one", dir, st.Uid)
	case fi.Mode()&0o002 != 0 && fi.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("everybody may write to the directory %s, and put something else there: chmod o-w, or take another one", dir)
	}
	return nil
}

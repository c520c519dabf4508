package install

import (
	"os"
	"path/filepath"
	"testing"
)

// The names under which the test's own program runs in a machine.
const (
	initName      = "realdocd-test-init"
	systemctlName = "systemctl"
)

func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case initName:
		os.Exit(runInit(os.Args[1], os.Args[2:]))
	case systemctlName:
		os.Exit(runSystemctl(os.Args[1:]))
	}
	code := m.Run()
	removeBuilds()
	os.Exit(code)
}

package stack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// Binary is the realdocd under test: the one that REALDOCD_BIN names, or one built now, once a process.
func Binary() (string, error) {
	built.once.Do(func() { built.path, built.err = build() })
	return built.path, built.err
}

func build() (string, error) {
	if ready := os.Getenv("REALDOCD_BIN"); ready != "" {
		return filepath.Abs(ready)
	}
	root, err := moduleDir()
	if err != nil {
		return "", err
	}
	if built.dir, err = os.MkdirTemp("/tmp", "rdbin"); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(built.dir, "realdocd"), "./cmd/realdocd")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/realdocd: %w\n%s", err, out)
	}
	return filepath.Join(built.dir, "realdocd"), nil
}

// ModuleDir is the top of the source tree.
func ModuleDir() (string, error) { return moduleDir() }

var moduleDir = sync.OnceValues(func() (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(mod))), nil
})

// InModule is the path of a file of the source tree.
func InModule(t TB, name string) string {
	t.Helper()
	return filepath.Join(must(moduleDir())(t), name)
}

// Main is TestMain's body for packages that start realdocd: it runs the tests and removes the binary.
func Main(m interface{ Run() int }) int {
	if os.Args[0] == filterName {
		runFiltered(os.Args[1:])
	}
	code := m.Run()
	RemoveBinary()
	return code
}

// RemoveBinary removes what Binary has built, if it has.
func RemoveBinary() {
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
}

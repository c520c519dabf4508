package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"realdocd/test/stack"
)

// inside is set once the tests run where their mounts are nobody else's.
const inside = "REALDOCD_FLEET_INSIDE"

// TestMain has root's tests run in a mount namespace of their own, which goes with them and what is mounted
// in it.
func TestMain(m *testing.M) {
	if os.Getuid() == 0 && os.Getenv(inside) == "" {
		if unshare, err := exec.LookPath("unshare"); err == nil {
			err = syscall.Exec(unshare, append([]string{"unshare", "--mount", "--"}, os.Args...), append(os.Environ(), inside+"=1"))
			fmt.Fprintf(os.Stderr, "run unshare: %v\n", err)
			os.Exit(1)
		}
	}
	os.Exit(stack.Main(m))
}

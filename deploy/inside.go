package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// PHPIn names the processes of PHP that have their working directory in a release, as
// a script has while it runs in FPM or from a shell. Only root sees those of others.
func PHPIn(dir string) (left []string) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		real = filepath.Clean(dir)
	}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range procs {
		cwd, err := os.Readlink(proc + "/cwd")
		if err != nil || !below(cwd, real) {
			continue
		}
		name, err := os.ReadFile(proc + "/comm")
		if err == nil && strings.HasPrefix(string(name), "php") {
			left = append(left, fmt.Sprintf("%s (pid %s)", strings.TrimSpace(string(name)), filepath.Base(proc)))
		}
	}
	return left
}

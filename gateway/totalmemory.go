package gateway

import (
	"bytes"
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// TotalMemory is the memory that the process may use, in bytes: the machine's, or less if
// its cgroup or one above has less; 0 if that is not known.
func TotalMemory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	total := int64(info.Totalram) * int64(info.Unit)
	of, _ := os.ReadFile("/proc/self/cgroup") // where there is none, none has a limit
	return leastLimit(total, of, "/sys/fs/cgroup")
}

// leastLimit is the least of total and the limits of the cgroups that a process is in. of is
// its /proc/PID/cgroup, see cgroups(7), and root is where they are mounted.
func leastLimit(total int64, of []byte, root string) int64 {
	for line := range bytes.Lines(of) {
		parts := bytes.SplitN(bytes.TrimSpace(line), []byte(":"), 3)
		if len(parts) < 3 {
			continue
		}
		dir, file := root, "memory.max"
		if controllers := bytes.Split(parts[1], []byte(",")); len(parts[1]) > 0 {
			if !slices.ContainsFunc(controllers, func(c []byte) bool { return string(c) == "memory" }) {
				continue
			}
			dir, file = path.Join(root, "memory"), "memory.limit_in_bytes"
		}
		// Without a limit it says "max", or more than there is. In a container the path may be
		// that outside: then the container's own group is where the tree is mounted.
		for group := path.Join("/", string(parts[2])); ; group = path.Dir(group) {
			text, _ := os.ReadFile(path.Join(dir, group, file))
			if limit, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil {
				total = min(total, limit)
			}
			if group == "/" {
				break
			}
		}
	}
	return total
}

package stack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filterName is the name under which a test's own program runs another one under the
// filter of system calls that realdocd's unit has.
const filterName = "realdocd-test-filter"

// filtered says whether every realdocd of the tests runs under that filter.
func filtered() bool { return os.Getenv("REALDOCD_UNIT_FILTER") != "" }

// underFilter is a command that runs a program under the filter of realdocd's unit.
func underFilter(program string, args ...string) (*exec.Cmd, error) {
	numbers, err := unitCalls()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{filterName, numbers, program}, args...)
	return cmd, nil
}

// runFiltered is what runs then: it never returns.
func runFiltered(args []string) {
	err := install(strings.Split(args[0], ","))
	if err == nil {
		err = unix.Exec(args[1], args[1:], os.Environ())
	}
	fmt.Fprintf(os.Stderr, "run %s under the filter of the unit: %v\n", args[1], err)
	os.Exit(1)
}

// install lets this process, and what it becomes, make the calls with these numbers. All
// others fail with EPERM, as the unit has it.
func install(numbers []string) error {
	const nrAt, load, jump, ret = 0, unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	program := []unix.SockFilter{{Code: load, K: nrAt}}
	for _, number := range numbers {
		nr, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return err
		}
		program = append(program, unix.SockFilter{Code: jump, Jf: 1, K: uint32(nr)}, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
	}
	program = append(program, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)})
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	of := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&of)))
	runtime.KeepAlive(program)
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

// unitCalls are the numbers of the calls that SystemCallFilter= of realdocd's unit lets
// through, as systemd-analyze knows its sets.
var unitCalls = sync.OnceValues(func() (string, error) {
	root, err := moduleDir()
	if err != nil {
		return "", err
	}
	unit, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/realdocd.service"))
	if err != nil {
		return "", err
	}
	allowed := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.*)$`).FindAllStringSubmatch("SystemCallFilter=@default\n"+string(unit), -1) {
		for _, name := range strings.Fields(line[2]) {
			if err := eachCall(name, func(call string) { allowed[call] = line[1] == "" }); err != nil {
				return "", err
			}
		}
	}
	known, err := callNumbers(root)
	if err != nil {
		return "", err
	}
	var numbers []string
	for call, ok := range allowed {
		if nr, there := known[call]; ok && there {
			numbers = append(numbers, nr)
		}
	}
	if len(numbers) < 100 {
		return "", fmt.Errorf("the unit's filter has %d calls", len(numbers))
	}
	slices.Sort(numbers)
	return strings.Join(numbers, ","), nil
})

// eachCall names the calls of a set, or the call itself.
func eachCall(name string, do func(call string)) error {
	if !strings.HasPrefix(name, "@") {
		do(name)
		return nil
	}
	out, err := exec.Command("systemd-analyze", "syscall-filter", "--no-pager", name).Output()
	if err != nil {
		return fmt.Errorf("systemd-analyze syscall-filter %s: %w", name, err)
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if line == "" || line == name || strings.HasPrefix(line, "#") {
			continue
		}
		if err := eachCall(line, do); err != nil {
			return err
		}
	}
	return nil
}

// callNumbers are those of this machine's calls, as golang.org/x/sys has them.
func callNumbers(root string) (map[string]string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys")
	cmd.Dir = root
	dir, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list golang.org/x/sys: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix/zsysnum_linux_"+runtime.GOARCH+".go"))
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\s*SYS_(\w+)\s*=\s*(\d+)`).FindAllStringSubmatch(string(text), -1) {
		known[strings.ToLower(m[1])] = m[2]
	}
	if len(known) == 0 {
		return nil, errors.New("golang.org/x/sys names no calls")
	}
	return known, nil
}

package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process has used so far, as the kernel counts it.
type Usage struct {
	RSS, PeakRSS int64 // bytes
	CPU          time.Duration
}

func (u Usage) String() string {
	return fmt.Sprintf("RSS %.1f MiB (peak %.1f MiB), CPU %v", float64(u.RSS)/(1<<20), float64(u.PeakRSS)/(1<<20), u.CPU)
}

// UsageOf reads /proc.
func UsageOf(pid int) (Usage, error) {
	var u Usage
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			u.RSS = kib << 10
		case "VmHWM:":
			u.PeakRSS = kib << 10
		}
	}
	fields, err := statOf(pid)
	if err != nil {
		return u, err
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += n
	}
	u.CPU = time.Duration(ticks) * 10 * time.Millisecond
	return u, nil
}

// statOf are the fields of /proc/PID/stat from the third one on.
func statOf(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name in the second field may hold spaces; the fields are counted from after its parenthesis.
	return strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])), nil
}

// StateOf is the state of a process: R for one that runs, T for one that is stopped, and so on.
func StateOf(pid int) (string, error) {
	fields, err := statOf(pid)
	if err != nil {
		return "", err
	}
	return fields[0], nil
}

// Usage of this process, without its workers.
func (p *Process) Usage() (Usage, error) { return UsageOf(p.Pid()) }

// Workers are the child's own children.
func (p *Process) Workers() []int { return ChildrenOf(p.Pid()) }

// ChildrenOf are a process's children.
func ChildrenOf(pid int) []int {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var pids []int
	for _, file := range files {
		list, _ := os.ReadFile(file)
		for _, field := range strings.Fields(string(list)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// OpenFiles counts the process's file descriptors.
func (p *Process) OpenFiles() (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Pid()))
	return len(entries), err
}

// WaitWorkers waits until the child has so many children.
func (p *Process) WaitWorkers(want int) error {
	return Poll(func() error {
		if got := len(p.Workers()); got != want {
			return fmt.Errorf("%s has %d workers, want %d", p.Name, got, want)
		}
		return nil
	})
}

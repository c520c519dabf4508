package install

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// A reaper is the part of a first process that waits for all others: those it has started, and those whose
// parents have ended.
type reaper struct {
	mu      sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

func newReaper() *reaper {
	r := &reaper{waiting: map[int]chan syscall.WaitStatus{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			r.reap()
		}
	}()
	return r
}

func (r *reaper) reap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid == 0 {
			return
		}
		if waiting, ok := r.waiting[pid]; ok {
			waiting <- status
			delete(r.waiting, pid)
		}
	}
}

// start starts a process; how it ended comes from the channel.
func (r *reaper) start(path string, args []string, attr *os.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	r.mu.Lock() // it may end at once
	defer r.mu.Unlock()
	process, err := os.StartProcess(path, args, attr)
	if err != nil {
		return 0, nil, err
	}
	pid := process.Pid
	process.Release()
	return pid, r.wait(pid), nil
}

// adopt is for a process that somebody else has started.
func (r *reaper) adopt(pid int) <-chan syscall.WaitStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		gone := make(chan syscall.WaitStatus, 1)
		gone <- 0
		return gone
	}
	return r.wait(pid)
}

func (r *reaper) wait(pid int) <-chan syscall.WaitStatus {
	if _, ok := r.waiting[pid]; !ok {
		r.waiting[pid] = make(chan syscall.WaitStatus, 1)
	}
	return r.waiting[pid]
}

package sock

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Watcher notices connections that the other side has closed while nobody reads
// them: a request waits for FPM, and the web server has left. A goroutine of Go can
// wait on one descriptor only, and a second goroutine a connection would cost every
// request two switches. So one epoll instance of our own watches all connections for
// nothing but EPOLLRDHUP. A connection costs one system call when it is accepted, a
// request none.
//
// Nobody waits in that instance: it is a descriptor that Go's poller watches like any
// other, and is asked only when it has something to tell. A goroutine in epoll_wait
// would keep its processor, the only one on most machines, for up to 20 ms.
type Watcher struct {
	epoll *os.File
	raw   syscall.RawConn

	mu     sync.Mutex      // guards the following
	conns  map[int32]*Conn // by descriptor
	serial int32           // of the newest connection

	ctl epollCtl
}

// An epollCtl makes one epoll_ctl after the other. Ten thousand connections make forty
// thousand, and each would leave garbage of 80 bytes if it brought a function of its own.
type epollCtl struct {
	mu     sync.Mutex // guards the following; is held over epoll_ctl, which does not wait
	op, fd int
	event  unix.EpollEvent
	err    error
	do     func(epfd uintptr) // once, made a func value once
}

func (c *epollCtl) once(epfd uintptr) { c.err = unix.EpollCtl(int(epfd), c.op, c.fd, &c.event) }

// An Owner is told what becomes of its connection.
type Owner interface {
	// HungUp is called when the other side has closed its end.
	HungUp()
	// Came is called when something has come, if [Watcher.WatchInput] was called.
	Came()
}

// watched is what a Watcher knows of a connection. The serial tells an event of this
// connection from a late one of another that had the same descriptor.
type watched struct {
	owner      Owner
	fd, serial int32
}

// NewWatcher opens a Watcher. The caller runs it, with [Watcher.Run].
func NewWatcher() (*Watcher, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch for hang-ups: epoll_create1: %w", err)
	}
	// Only a descriptor that says of itself that it does not block goes to Go's poller.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch for hang-ups: fcntl: %w", err)
	}
	epoll := os.NewFile(uintptr(fd), "hang-ups")
	raw, err := epoll.SyscallConn()
	if err != nil {
		epoll.Close()
		return nil, fmt.Errorf("watch for hang-ups: %w", err)
	}
	w := &Watcher{epoll: epoll, raw: raw, conns: map[int32]*Conn{}}
	w.ctl.do = w.ctl.once
	return w, nil
}

// Watch has the owner told, by the goroutine of Run, when the other side closes c.
// [Watcher.Forget] ends it.
func (w *Watcher) Watch(c *Conn, owner Owner) error {
	var err error
	ctlErr := c.raw.Control(func(fd uintptr) {
		w.mu.Lock()
		w.serial++
		c.watched = watched{owner, int32(fd), w.serial}
		w.conns[c.watched.fd] = c
		w.mu.Unlock()
		err = w.control(unix.EPOLL_CTL_ADD, c, 0)
	})
	if err == nil {
		err = ctlErr
	}
	if err != nil {
		return fmt.Errorf("watch for hang-up: %w", err)
	}
	return nil
}

// control is epoll_ctl. more is what c is watched for beside its end.
func (w *Watcher) control(op int, c *Conn, more uint32) error {
	ctl := &w.ctl
	ctl.mu.Lock()
	defer ctl.mu.Unlock()
	ctl.op, ctl.fd = op, int(c.watched.fd)
	ctl.event = unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET | more, Fd: c.watched.fd, Pad: c.watched.serial}
	if err := w.raw.Control(ctl.do); err != nil {
		return err
	}
	return ctl.err
}

// WatchInput has the owner told too when something has come, or is there already, for a
// connection that nobody reads. [Watcher.IgnoreInput] ends it. Each is one system call.
func (w *Watcher) WatchInput(c *Conn) error { return w.change(c, unix.EPOLLIN) }

// IgnoreInput ends WatchInput. The owner may be told once more.
func (w *Watcher) IgnoreInput(c *Conn) error { return w.change(c, 0) }

func (w *Watcher) change(c *Conn, more uint32) error {
	if err := w.control(unix.EPOLL_CTL_MOD, c, more); err != nil {
		return fmt.Errorf("watch for what comes: %w", err)
	}
	return nil
}

// Forget must come before c is closed: the number of its descriptor is then another
// connection's.
func (w *Watcher) Forget(c *Conn) {
	w.mu.Lock()
	delete(w.conns, c.watched.fd)
	w.mu.Unlock()
}

// Run tells owners of hang-ups until Stop.
func (w *Watcher) Run() {
	events := make([]unix.EpollEvent, 64)
	var n int
	var err error
	look := func(epfd uintptr) bool {
		n, err = pollNow(epfd, events)
		return n > 0 || err != nil
	}
	for {
		if stopped := w.raw.Read(look); stopped != nil || err != nil {
			return
		}
		for _, ev := range events[:n] {
			w.tell(ev)
		}
	}
}

// tell tells the owner, if the event is of a connection that is watched still.
func (w *Watcher) tell(ev unix.EpollEvent) {
	w.mu.Lock()
	c := w.conns[ev.Fd]
	w.mu.Unlock()
	switch {
	case c == nil || c.watched.serial != ev.Pad:
	case ev.Events&^unix.EPOLLIN == 0:
		c.watched.owner.Came()
	default:
		c.watched.owner.HungUp()
	}
}

// Stop ends Run. The Watcher cannot be used again.
func (w *Watcher) Stop() { w.epoll.Close() }

// pollNow takes the events that an epoll instance has, and does not wait for any; see
// rawIO.
func pollNow(epfd uintptr, events []unix.EpollEvent) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, epfd, uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

package sock

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// A Watcher notices connections that the other side has closed while nobody reads
// them: a request waits for FPM, and the web server has left. A goroutine of Go can
// wait on one descriptor only, and a second goroutine a connection would cost every
// request two switches. So one epoll instance of our own watches all connections for
// nothing but EPOLLRDHUP. A connection costs one system call when it is accepted, a
// request none.
type Watcher struct {
	epfd   int
	wakefd int // readable when Run shall end

	mu     sync.Mutex      // guards the following
	conns  map[int32]*Conn // by descriptor
	serial int32           // of the newest connection
}

// An Owner is told when the other side of its connection has hung up.
type Owner interface{ HungUp() }

// watched is what a Watcher knows of a connection. The serial tells an event of this
// connection from a late one of another that had the same descriptor.
type watched struct {
	owner      Owner
	fd, serial int32
}

// NewWatcher opens a Watcher. The caller runs it, with [Watcher.Run].
func NewWatcher() (*Watcher, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch for hang-ups: epoll_create1: %w", err)
	}
	wakefd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(epfd)
		return nil, fmt.Errorf("watch for hang-ups: eventfd: %w", err)
	}
	w := &Watcher{epfd: epfd, wakefd: wakefd, conns: map[int32]*Conn{}}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wakefd)}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, wakefd, &ev); err != nil {
		w.release()
		return nil, fmt.Errorf("watch for hang-ups: epoll_ctl: %w", err)
	}
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
		ev := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd), Pad: c.watched.serial}
		err = unix.EpollCtl(w.epfd, unix.EPOLL_CTL_ADD, int(fd), &ev)
	})
	if err == nil {
		err = ctlErr
	}
	if err != nil {
		return fmt.Errorf("watch for hang-up: %w", err)
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

// Run waits for hang-ups until Stop; it keeps one thread in epoll_wait.
func (w *Watcher) Run() {
	defer w.release()
	events := make([]unix.EpollEvent, 64)
	for {
		n, err := unix.EpollWait(w.epfd, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for i := range max(n, 0) {
			if events[i].Fd == int32(w.wakefd) {
				return
			}
			w.mu.Lock()
			c := w.conns[events[i].Fd]
			w.mu.Unlock()
			if c != nil && c.watched.serial == events[i].Pad {
				c.watched.owner.HungUp()
			}
		}
	}
}

// Stop ends Run.
func (w *Watcher) Stop() {
	one := [8]byte{1}
	unix.Write(w.wakefd, one[:])
}

func (w *Watcher) release() {
	unix.Close(w.epfd)
	unix.Close(w.wakefd)
}

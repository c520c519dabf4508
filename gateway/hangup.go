package gateway

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// hangups notices web-server connections that the other side has closed while
// their request waits for FPM. A goroutine of Go can wait on one descriptor
// only, and a second goroutine a connection would cost every request two
// switches; so one epoll instance of our own watches all connections for
// nothing but EPOLLRDHUP. A connection costs one system call when it is
// accepted, a request none.
type hangups struct {
	epfd   int
	wakefd int // readable when run shall end

	mu     sync.Mutex
	conns  map[int32]*webConn // by descriptor
	serial int32              // of the newest connection
}

func newHangups() (*hangups, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch for hang-ups: epoll_create1: %w", err)
	}
	wakefd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(epfd)
		return nil, fmt.Errorf("watch for hang-ups: eventfd: %w", err)
	}
	h := &hangups{epfd: epfd, wakefd: wakefd, conns: map[int32]*webConn{}}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wakefd)}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, wakefd, &ev); err != nil {
		h.release()
		return nil, fmt.Errorf("watch for hang-ups: epoll_ctl: %w", err)
	}
	return h, nil
}

// watch has c.hungUp called when the web server closes c. forget ends it,
// before c is closed.
func (h *hangups) watch(c *webConn) error {
	var err error
	ctlErr := c.web.raw.Control(func(fd uintptr) {
		c.fd = int32(fd)
		h.mu.Lock()
		h.serial++
		c.serial = h.serial
		h.conns[c.fd] = c
		h.mu.Unlock()
		// The serial tells an event of this connection from a late one of
		// another that had the same descriptor.
		ev := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: c.fd, Pad: c.serial}
		err = unix.EpollCtl(h.epfd, unix.EPOLL_CTL_ADD, int(fd), &ev)
	})
	if err == nil {
		err = ctlErr
	}
	if err != nil {
		return fmt.Errorf("watch for hang-up: %w", err)
	}
	return nil
}

// forget must come before c's descriptor is closed, since its number is then
// another connection's.
func (h *hangups) forget(c *webConn) {
	h.mu.Lock()
	delete(h.conns, c.fd)
	h.mu.Unlock()
}

// run waits for hang-ups until stop; it keeps one thread in epoll_wait.
func (h *hangups) run() {
	defer h.release()
	events := make([]unix.EpollEvent, 64)
	for {
		n, err := unix.EpollWait(h.epfd, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for i := range max(n, 0) {
			if events[i].Fd == int32(h.wakefd) {
				return
			}
			h.mu.Lock()
			c := h.conns[events[i].Fd]
			h.mu.Unlock()
			if c != nil && c.serial == events[i].Pad {
				c.hungUp()
			}
		}
	}
}

// stop ends run.
func (h *hangups) stop() {
	one := [8]byte{1}
	unix.Write(h.wakefd, one[:])
}

func (h *hangups) release() {
	unix.Close(h.epfd)
	unix.Close(h.wakefd)
}

// Command relay passes FastCGI requests to PHP-FPM and responses back, and does nothing
// else: one thread, one epoll instance, no scheduler. It keeps connections to FPM and uses
// each for the next request, also where that is not safe. It is the yardstick for what a
// gateway on two sockets must cost.
package main

import (
	"encoding/binary"
	"log"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	header     = 8
	endRequest = 3
	stdin      = 5
)

// A relay has all connections, by descriptor.
type relay struct {
	epfd, listener int
	fpm            unix.Sockaddr
	most           int // connections to FPM

	conns   map[int]*conn
	free    []*conn // to FPM, idle
	opened  int
	waiting []*conn // web servers with a request and no connection to FPM
}

// A conn is one side of a request.
type conn struct {
	fd    int
	toFPM bool
	other *conn  // of the request that runs
	in    []byte // of a request that is not whole, or of a record that is not
}

func main() {
	runtime.LockOSThread()
	if len(os.Args) != 4 {
		log.Fatal("usage: relay LISTEN FPM CONNECTIONS")
	}
	most, err := strconv.Atoi(os.Args[3])
	check(err)
	r := &relay{fpm: &unix.SockaddrUnix{Name: os.Args[2]}, most: most, conns: map[int]*conn{}}
	r.listener, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	check(err)
	check(unix.Bind(r.listener, &unix.SockaddrUnix{Name: os.Args[1]}))
	check(os.Chmod(os.Args[1], 0o666))
	check(unix.Listen(r.listener, 4096))
	r.epfd, err = unix.EpollCreate1(0)
	check(err)
	r.watch(r.listener)
	r.run()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func (r *relay) watch(fd int) {
	check(unix.EpollCtl(r.epfd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}))
}

func (r *relay) run() {
	events, buf := make([]unix.EpollEvent, 64), make([]byte, 64<<10)
	for {
		n, err := unix.EpollWait(r.epfd, events, -1)
		if err == unix.EINTR {
			continue
		}
		check(err)
		for _, ev := range events[:n] {
			if fd := int(ev.Fd); fd == r.listener {
				r.accept()
			} else if c := r.conns[fd]; c != nil {
				r.read(c, buf)
			}
		}
	}
}

func (r *relay) accept() {
	fd, _, err := unix.Accept4(r.listener, unix.SOCK_NONBLOCK)
	if err != nil {
		return
	}
	r.conns[fd] = &conn{fd: fd}
	r.watch(fd)
}

func (r *relay) read(c *conn, buf []byte) {
	n, err := unix.Read(c.fd, buf)
	switch {
	case err == unix.EAGAIN:
	case n <= 0:
		r.end(c)
	case c.toFPM:
		r.respond(c, buf[:n])
	default:
		if c.in = append(c.in, buf[:n]...); requestEnds(c.in) {
			r.send(c)
		}
	}
}

// requestEnds says whether records end with an empty STDIN.
func requestEnds(b []byte) bool {
	last := byte(0)
	for len(b) >= header {
		n := header + int(binary.BigEndian.Uint16(b[4:])) + int(b[6])
		if len(b) < n {
			return false
		}
		if last = 0; n == header {
			last = b[1]
		}
		b = b[n:]
	}
	return len(b) == 0 && last == stdin
}

// send sends the request of a web server to FPM, or has it wait.
func (r *relay) send(web *conn) {
	var to *conn
	switch {
	case len(r.free) > 0:
		to = r.free[len(r.free)-1]
		r.free = r.free[:len(r.free)-1]
	case r.opened < r.most:
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		check(err)
		check(unix.Connect(fd, r.fpm))
		to = &conn{fd: fd, toFPM: true}
		r.opened++
		r.conns[fd] = to
		r.watch(fd)
	default:
		r.waiting = append(r.waiting, web)
		return
	}
	web.other, to.other = to, web
	write(to.fd, web.in)
	web.in = web.in[:0]
}

// respond passes a part of a response on. At its end the connection is the next request's.
func (r *relay) respond(from *conn, part []byte) {
	if from.other != nil {
		write(from.other.fd, part)
	}
	b := part
	if len(from.in) > 0 {
		from.in = append(from.in, part...)
		b = from.in
	}
	for len(b) >= header {
		n := header + int(binary.BigEndian.Uint16(b[4:])) + int(b[6])
		if len(b) < n {
			break
		}
		if b[1] == endRequest {
			r.release(from)
		}
		b = b[n:]
	}
	from.in = append(from.in[:0], b...)
}

func (r *relay) release(c *conn) {
	if c.other != nil {
		c.other.other = nil
	}
	c.other = nil
	r.free = append(r.free, c)
	if len(r.waiting) > 0 {
		next := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.send(next)
	}
}

// end closes a connection, and what it was connected with.
func (r *relay) end(c *conn) {
	delete(r.conns, c.fd)
	unix.Close(c.fd)
	if c.toFPM {
		r.opened--
		for i, idle := range r.free {
			if idle == c {
				r.free = append(r.free[:i], r.free[i+1:]...)
				break
			}
		}
	}
	for i, w := range r.waiting {
		if w == c {
			r.waiting = append(r.waiting[:i], r.waiting[i+1:]...)
			break
		}
	}
	if other := c.other; other != nil {
		c.other, other.other = nil, nil
		r.end(other)
	}
}

// write writes all: responses of the bench fit a socket's buffer.
func write(fd int, b []byte) {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil && err != unix.EAGAIN && err != unix.EINTR {
			return
		}
		b = b[max(n, 0):]
	}
}

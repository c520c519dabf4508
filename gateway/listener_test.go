package gateway

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"realdocd/gateway/sock"
)

// A start has succeeded if anybody has connected, such as root who waits for it.
func TestListen_LetsItsUsersInOnceAnybodyGetsIn(t *testing.T) {
	needOtherUsers(t)
	path := newPublicBench(t).dir + "/web"
	for range 100 {
		tried := make(chan error, 1)
		go func() {
			for connectAs(0, path) != nil {
			}
			tried <- connectAs(4711, path)
		}()
		ln, err := listen(sock.Addr(path), access{key: "listen", mode: 0o666, group: "4711"})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-tried; err != nil {
			t.Fatalf("root was let in, and then a user met %v", err)
		}
		ln.Close()
	}
}

// connectAs connects to a socket as another user, once.
func connectAs(uid int, path string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setfsuid(uid); err != nil {
		return err
	}
	defer unix.Setfsuid(0)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}

func TestListen_LeavesNoSocketThatItCouldNotGiveToItsUsers(t *testing.T) {
	path := t.TempDir() + "/web"
	if ln, err := listen(sock.Addr(path), access{key: "listen", group: "nobody-has-this-name"}); err == nil {
		ln.Close()
		t.Fatal("it listens for a group that is not there")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is there: %v", err)
	}
}

func TestListen_RemovesItsSocketAtTheEnd(t *testing.T) {
	path := t.TempDir() + "/web"
	ln, err := listen(sock.Addr(path), access{key: "listen"})
	if err != nil {
		t.Fatal(err)
	}
	if got := ln.Addr().String(); got != path {
		t.Errorf("it listens on %q", got)
	}
	ln.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is there after its listener: %v", err)
	}
}

package stack

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A detour is the way of frames between a wire and its switch through this process, which loses them or
// passes them on later. It is a switch of its own with the wire's end and a tap in it, and another tap in the
// network's switch.
type detour struct {
	hub      *Space
	aside    string // the switch of its own
	taps     [2]*os.File
	carriers sync.WaitGroup
}

// manyFrames are on the way at the same time in one direction, at most; what comes beyond that is lost.
const manyFrames = 4096

func (w *Wire) newDetour(t Trouble) (*detour, error) {
	hub := w.network.hub
	d := &detour{hub: hub, aside: w.port + "x"}
	near, far := w.port+"y", w.port+"z"
	for i, name := range []string{near, far} {
		var err error
		if in := hub.do(func() { d.taps[i], err = openTap(name) }); in != nil || err != nil {
			d.close()
			return nil, errors.Join(in, err)
		}
	}
	err := hub.ip(
		"link add name "+d.aside+" type bridge",
		"link set dev "+d.aside+" up",
		"link set dev "+near+" master "+d.aside,
		"link set dev "+near+" up",
		"link set dev "+far+" master "+w.network.name,
		"link set dev "+far+" up",
		"link set dev "+w.port+" master "+d.aside,
	)
	if err != nil {
		d.close()
		return nil, err
	}
	d.carry(d.taps[0], d.taps[1], t.Delay, t.Mute)
	d.carry(d.taps[1], d.taps[0], t.Delay, t.Deaf)
	return d, nil
}

// openTap makes a tap in the namespace of the calling thread. It goes with the file.
func openTap(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make the tap %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// carry passes frames on, until the taps are closed.
func (d *detour) carry(from, to *os.File, delay time.Duration, lose bool) {
	type frame struct {
		bytes []byte
		due   time.Time
	}
	way := make(chan frame, manyFrames)
	d.carriers.Go(func() {
		defer close(way)
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			if lose {
				continue
			}
			select {
			case way <- frame{append([]byte(nil), buf[:n]...), time.Now().Add(delay)}:
			default:
			}
		}
	})
	d.carriers.Go(func() {
		for f := range way {
			time.Sleep(time.Until(f.due))
			to.Write(f.bytes) // one that cannot be written is lost, as frames may be
		}
	})
}

func (d *detour) close() {
	for _, tap := range d.taps {
		if tap != nil {
			tap.Close()
		}
	}
	d.carriers.Wait()
	d.hub.ip("link del dev " + d.aside) // with the space's end, if the test is over
}

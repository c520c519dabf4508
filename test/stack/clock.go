package stack

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A Clock is what a running process takes for the time of day. It can be made to step, for that process
// alone: what a program calls to read the clock is in memory that the kernel has given it (vdso(7)), and is
// replaced there. The clock that only counts on (CLOCK_MONOTONIC) does as before.
type Clock struct {
	mem    *os.File
	offset int64 // where the seconds that are added lie
}

// clockCode is clock_gettime(2) for x86-64, which adds the eight bytes behind it, seconds, to the time of day.
var clockCode = []byte{
	0xb8, 0xe4, 0, 0, 0, // mov eax, SYS_clock_gettime
	0x0f, 0x05, // syscall
	0x85, 0xff, // test edi, edi: CLOCK_REALTIME is 0
	0x75, 0x0a, // jne to the ret
	0x48, 0x8b, 0x0d, 4, 0, 0, 0, // mov rcx, [rip+4]
	0x48, 0x01, 0x0e, // add [rsi], rcx
	0xc3, // ret
}

// Clock takes hold of a process's clock. The test closes it with the process.
func (s *Stack) Clock(p *Process) *Clock {
	s.t.Helper()
	if runtime.GOARCH != "amd64" {
		Unproven(s.t, "a process's clock steps on amd64 only")
	}
	c := must(openClock(p.Pid()))(s.t)
	s.t.Cleanup(func() { c.mem.Close() })
	return c
}

func openClock(pid int) (*Clock, error) {
	begin, end, err := vdso(pid)
	if err != nil {
		return nil, err
	}
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	image := make([]byte, end-begin)
	if _, err := mem.ReadAt(image, begin); err != nil {
		return nil, err
	}
	entry, err := entryOf(image, "__vdso_clock_gettime")
	if err != nil {
		return nil, err
	}
	// The section headers are for debuggers: there is room for the code. The seconds behind it are aligned.
	room := int64(binary.LittleEndian.Uint64(image[0x28:]))
	room += (10 - (room & 7)) & 7
	jump := binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(room-entry-5))
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil { // nobody is in the middle of what is written
		return nil, err
	}
	_, err = mem.WriteAt(append(clockCode[:len(clockCode):len(clockCode)], make([]byte, 8)...), begin+room)
	_, err2 := mem.WriteAt(jump, begin+entry)
	return &Clock{mem, begin + room + int64(len(clockCode))}, errors.Join(err, err2, syscall.Kill(pid, syscall.SIGCONT))
}

// Step has the time of day be so much later than it is, or earlier.
func (c *Clock) Step(by time.Duration) error {
	_, err := c.mem.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(int64(by/time.Second))), c.offset)
	return err
}

// vdso is where the kernel has put its code in a process.
func vdso(pid int) (begin, end int64, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			_, err := fmt.Sscanf(line, "%x-%x", &begin, &end)
			return begin, end, err
		}
	}
	return 0, 0, errors.New("the process has no [vdso]")
}

func entryOf(image []byte, name string) (int64, error) {
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, err
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return 0, err
	}
	for _, symbol := range symbols {
		if symbol.Name == name {
			return int64(symbol.Value), nil
		}
	}
	return 0, fmt.Errorf("the vdso has no %s", name)
}

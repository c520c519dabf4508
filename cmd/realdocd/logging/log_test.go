package logging

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/test/stack"

	"github.com/rs/zerolog"
)

// output notes what has been written, and can be made to wait.
type output struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	writes int
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes++
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// writerFunc is a function as an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func outputTo(w io.Writer) *Output {
	o := &Output{}
	o.to = w
	o.tell = func(lost int, cause error) []byte { return fmt.Appendf(nil, "lost %d: %v\n", lost, cause) }
	return o
}

// logTo is a log that is open.
func logTo(o *Output) *Log {
	l := &Log{}
	l.start(o)
	return l
}

func TestLog_GathersEventsUntilItIsClosed(t *testing.T) {
	var out output
	w := logTo(outputTo(&out))
	for range 100 {
		w.WriteLevel(zerolog.InfoLevel, []byte("x\n"))
	}
	w.Close()
	if got := strings.Count(out.String(), "x\n"); got != 100 {
		t.Errorf("%d lines came out, want 100", got)
	}
	if out.writes > 5 {
		t.Errorf("100 events took %d writes", out.writes)
	}
}

func TestLog_WritesInTheBackground(t *testing.T) {
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer out.Close()
	w := logTo(outputTo(out))
	defer w.Close()
	w.WriteLevel(zerolog.InfoLevel, []byte("x\n"))
	r.SetReadDeadline(time.Now().Add(stack.Patience))
	if n, err := r.Read(make([]byte, 10)); n != 2 {
		t.Errorf("%d bytes were written: %v", n, err)
	}
}

func TestLog_WritesAWarningAndWhatCameBeforeAtOnce(t *testing.T) {
	for _, level := range []zerolog.Level{zerolog.WarnLevel, zerolog.ErrorLevel, zerolog.FatalLevel, zerolog.PanicLevel, zerolog.NoLevel} {
		t.Run(level.String(), func(t *testing.T) {
			var out output
			w := logTo(outputTo(&out))
			w.WriteLevel(zerolog.DebugLevel, []byte("1\n"))
			w.WriteLevel(zerolog.InfoLevel, []byte("2\n"))
			w.WriteLevel(level, []byte("3\n"))
			defer w.Close()
			stack.Until(t, "all three are written", func() bool { return out.String() == "1\n2\n3\n" })
		})
	}
}

func TestLog_LosesAndTearsNoLineUnderLoad(t *testing.T) {
	const writers, each = 8, 5000
	var out output
	w := logTo(outputTo(&out))
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := range each {
				level := zerolog.InfoLevel
				if n%500 == 0 {
					level = zerolog.WarnLevel
				}
				w.WriteLevel(level, fmt.Appendf(nil, "writer %d line %d end\n", i, n))
			}
		})
	}
	wg.Wait()
	w.Close()

	var next [writers]int
	for line := range strings.Lines(out.String()) {
		var i, n int
		if _, err := fmt.Sscanf(line, "writer %d line %d end\n", &i, &n); err != nil {
			t.Fatalf("torn line %q: %v", line, err)
		}
		if n != next[i] {
			t.Fatalf("writer %d: line %d came where %d was due", i, n, next[i])
		}
		next[i]++
	}
	for i, n := range next {
		if n != each {
			t.Errorf("writer %d: %d lines came out, want %d", i, n, each)
		}
	}
}

// A request that logs must not wait for a disk.
func TestLog_AnOutputThatHangsStopsNobodyAndWhatDoesNotFitIsCounted(t *testing.T) {
	r, hung := io.Pipe() // takes nothing until it is read
	began := make(chan struct{}, 1)
	w := logTo(outputTo(writerFunc(func(p []byte) (int, error) {
		select {
		case began <- struct{}{}:
		default:
		}
		return hung.Write(p)
	})))
	w.WriteLevel(zerolog.WarnLevel, []byte("warning\n"))
	<-began
	const line, lost = 1 << 10, 3
	event := append(bytes.Repeat([]byte("x"), line-1), '\n')
	logged := make(chan struct{})
	go func() {
		for range maxWaiting/line + lost {
			w.WriteLevel(zerolog.ErrorLevel, event)
		}
		close(logged)
	}()
	stack.Receive(t, logged, "events that do not wait for the output")

	var got bytes.Buffer
	read := make(chan struct{})
	go func() { io.Copy(&got, r); close(read) }()
	w.Close()
	w.WriteLevel(zerolog.WarnLevel, []byte("after\n"))
	hung.Close()
	<-read
	want := "warning\n" + strings.Repeat(string(event), maxWaiting/line) + fmt.Sprintf("lost %d: %v\nafter\n", lost, errSlow)
	if got.String() != want {
		t.Errorf("%d bytes are written that end in %q, want %d", got.Len(), got.String()[max(0, got.Len()-200):], len(want))
	}
}

func TestLog_PutsThePriorityBeforeEachLineOfTheJournal(t *testing.T) {
	var out output
	o := outputTo(&out)
	o.journal = true
	w := logTo(o)
	for _, level := range []zerolog.Level{
		zerolog.TraceLevel, zerolog.DebugLevel, zerolog.InfoLevel, zerolog.WarnLevel, zerolog.ErrorLevel, zerolog.FatalLevel, zerolog.NoLevel,
	} {
		w.WriteLevel(level, []byte(level.String()+"\n"))
	}
	w.Close()
	if got := out.String(); got != "<7>trace\n<7>debug\n<6>info\n<4>warn\n<3>error\n<3>fatal\n<6>\n" {
		t.Errorf("written: %q", got)
	}
}

func TestLog_WhatCameBeforeASwitchIsWrittenBeforeAndTheRestAfter(t *testing.T) {
	var before, after output
	w, next := logTo(outputTo(&before)), outputTo(&after)
	next.journal = true
	w.WriteLevel(zerolog.InfoLevel, []byte("1\n"))
	w.Move(next)
	w.WriteLevel(zerolog.InfoLevel, []byte("2\n"))
	w.Close()
	if before.String() != "1\n" || after.String() != "<6>2\n" {
		t.Errorf("before %q, after %q", before.String(), after.String())
	}
}

func TestLog_WhatWasLostBeforeASwitchIsToldAfterIt(t *testing.T) {
	var after output
	w := logTo(outputTo(&disk{}))
	w.WriteLevel(zerolog.WarnLevel, []byte("1\n"))
	w.flush()
	w.Move(outputTo(&after))
	w.Close()
	if got := after.String(); got != "lost 1: no space left on device\n" {
		t.Errorf("written: %q", got)
	}
}

func TestLog_AFullFileThatIsReopenedIsNotToldOfAgainWithinAMinute(t *testing.T) {
	var stderr output
	l, err := Open(Settings{Level: "info", Format: "json", Output: "/dev/full"}, &stderr, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 2 {
		l.WriteLevel(zerolog.WarnLevel, []byte("x\n"))
		if path, err := l.Reopen(); path != "/dev/full" || err != nil {
			t.Errorf("reopened %q: %v", path, err)
		}
	}
	if got := stderr.String(); strings.Count(got, "the log is not written") != 1 {
		t.Errorf("standard error has %q", got)
	}
}

func BenchmarkLog(b *testing.B) {
	w := logTo(outputTo(io.Discard))
	defer w.Close()
	event := bytes.Repeat([]byte("x"), 400)
	b.ReportAllocs()
	for b.Loop() {
		w.WriteLevel(zerolog.InfoLevel, event)
	}
}

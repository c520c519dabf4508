package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

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

func outputTo(w io.Writer) *logOutput {
	o := &logOutput{}
	o.to = w
	o.tell = func(lost int, cause error) []byte { return fmt.Appendf(nil, "lost %d: %v\n", lost, cause) }
	return o
}

func TestLogWriter_GathersEventsUntilItIsClosed(t *testing.T) {
	var out output
	w := newLogWriter(outputTo(&out))
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

func TestLogWriter_WritesInTheBackground(t *testing.T) {
	var out output
	w := newLogWriter(outputTo(&out))
	defer w.Close()
	w.WriteLevel(zerolog.InfoLevel, []byte("x\n"))
	for deadline := time.Now().Add(5 * time.Second); out.String() == ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the event was never written")
		}
	}
}

func TestLogWriter_WritesAWarningAndWhatCameBeforeAtOnce(t *testing.T) {
	for _, level := range []zerolog.Level{zerolog.WarnLevel, zerolog.ErrorLevel, zerolog.FatalLevel, zerolog.PanicLevel, zerolog.NoLevel} {
		t.Run(level.String(), func(t *testing.T) {
			var out output
			w := newLogWriter(outputTo(&out))
			w.WriteLevel(zerolog.DebugLevel, []byte("1\n"))
			w.WriteLevel(zerolog.InfoLevel, []byte("2\n"))
			w.WriteLevel(level, []byte("3\n"))
			if got := out.String(); got != "1\n2\n3\n" {
				t.Errorf("written: %q", got)
			}
			w.Close()
		})
	}
}

func TestLogWriter_LosesAndTearsNoLineUnderLoad(t *testing.T) {
	const writers, each = 8, 5000
	var out output
	w := newLogWriter(outputTo(&out))
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

func TestLogWriter_AStuckOutputDoesNotStopEventsThatFitTheBuffer(t *testing.T) {
	r, out := io.Pipe() // takes nothing until it is read
	w := newLogWriter(outputTo(out))
	stuck := make(chan struct{})
	go func() {
		w.WriteLevel(zerolog.WarnLevel, []byte("warning\n"))
		close(stuck)
	}()
	time.Sleep(20 * time.Millisecond)
	wrote := make(chan struct{})
	go func() {
		w.WriteLevel(zerolog.InfoLevel, []byte("event\n"))
		close(wrote)
	}()
	select {
	case <-wrote:
	case <-time.After(5 * time.Second):
		t.Error("an event waited for the output")
	}
	var got bytes.Buffer
	read := make(chan struct{})
	go func() { io.Copy(&got, r); close(read) }()
	<-stuck
	w.Close()
	out.Close()
	<-read
	if got.String() != "warning\nevent\n" {
		t.Errorf("written: %q", got.String())
	}
}

func TestLogWriter_PutsThePriorityBeforeEachLineOfTheJournal(t *testing.T) {
	var out output
	o := outputTo(&out)
	o.journal = true
	w := newLogWriter(o)
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

func TestLogWriter_WhatCameBeforeASwitchIsWrittenBeforeAndTheRestAfter(t *testing.T) {
	var before, after output
	w, next := newLogWriter(outputTo(&before)), outputTo(&after)
	next.journal = true
	w.WriteLevel(zerolog.InfoLevel, []byte("1\n"))
	w.switchTo(next)
	w.WriteLevel(zerolog.InfoLevel, []byte("2\n"))
	w.Close()
	if before.String() != "1\n" || after.String() != "<6>2\n" {
		t.Errorf("before %q, after %q", before.String(), after.String())
	}
}

func TestLogWriter_WhatWasLostBeforeASwitchIsToldAfterIt(t *testing.T) {
	var after output
	w := newLogWriter(outputTo(&disk{}))
	w.WriteLevel(zerolog.WarnLevel, []byte("1\n"))
	w.switchTo(outputTo(&after))
	w.Close()
	if got := after.String(); got != "lost 1: no space left on device\n" {
		t.Errorf("written: %q", got)
	}
}

func BenchmarkLogWriter(b *testing.B) {
	w := newLogWriter(outputTo(io.Discard))
	defer w.Close()
	event := bytes.Repeat([]byte("x"), 400)
	b.ReportAllocs()
	for b.Loop() {
		w.WriteLevel(zerolog.InfoLevel, event)
	}
}

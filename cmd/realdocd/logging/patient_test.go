package logging

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"realdocd/test/stack"
)

// A pipe that nobody reads must not keep the daemon from its end, nor a signal from being obeyed.
func TestLog_AnOutputThatHangsKeepsNobodyFromEnding(t *testing.T) {
	_, hung := io.Pipe()
	began := make(chan struct{}, 1)
	w := logTo(outputTo(writerFunc(func(p []byte) (int, error) {
		select {
		case began <- struct{}{}:
		default:
		}
		return hung.Write(p)
	})))
	w.WriteLevel(zerolog.WarnLevel, []byte("warning\n"))
	stack.Receive(t, began, "a write that hangs")
	for what, do := range map[string]func(){
		"reopen": func() {
			if _, err := w.Reopen(); !errors.Is(err, errHangs) {
				t.Errorf("Reopen: %v", err)
			}
		},
		"move": func() {
			if err := w.Move(outputTo(io.Discard)); !errors.Is(err, errHangs) {
				t.Errorf("Move: %v", err)
			}
		},
		"close": w.Close,
	} {
		start := time.Now()
		do()
		if took := time.Since(start); took > 3*outPatience {
			t.Errorf("%s took %v", what, took)
		}
	}
	hung.Close()
}

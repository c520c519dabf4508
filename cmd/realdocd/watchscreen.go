package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode"

	"realdocd/gateway/control"

	"golang.org/x/term"
)

// What a terminal is told, as xterm and those like it understand it.
const (
	screenOpen  = "\x1b[?1049h\x1b[?25l\x1b[?7l" // the other screen, no cursor, no wrapping
	screenClose = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	screenHome  = "\x1b[H"
	lineEnd     = "\x1b[K\r\n" // what is left of an older line is cleared
	screenRest  = "\x1b[K\x1b[J"
)

// onScreen draws the answers on a terminal, over one another, until q or Ctrl-C. The
// terminal is as it was when it returns.
func (w *watch[T]) onScreen(ctx context.Context, out *os.File, in io.Reader) (err error) {
	keys, restore := readKeys(in)
	defer restore()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)

	if _, err := io.WriteString(out, screenOpen); err != nil {
		return fmt.Errorf("write to the terminal: %w", err)
	}
	defer io.WriteString(out, screenClose)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	answers := w.answers(ctx)
	waits := false
	for {
		select {
		case a := <-answers:
			if err := w.take(a.got, a.err, time.Now()); err != nil {
				return err
			}
			waits = true
		case <-tick.C:
			if waits {
				waits = false
				answers = w.answers(ctx)
			}
		case <-resized:
		case key := <-keys:
			if isQuit(key) {
				return nil
			}
			continue
		case <-ctx.Done():
			return nil
		}
		if err := w.draw(out, time.Now()); err != nil {
			return err
		}
	}
}

// answered is one answer, or why there is none.
type answered[T any] struct {
	got T
	err error
}

// answers asks once, in a goroutine that ends with the answer, which comes over the
// channel.
func (w *watch[T]) answers(ctx context.Context) <-chan answered[T] {
	answer := make(chan answered[T], 1)
	go w.answer(ctx, answer)
	return answer
}

func (w *watch[T]) answer(ctx context.Context, to chan<- answered[T]) {
	got, err := w.askOnce(ctx)
	to <- answered[T]{got, err}
}

// draw writes one picture in one write, so that nobody sees half of it.
func (w *watch[T]) draw(out *os.File, now time.Time) error {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	if w.view != nil {
		w.view.width = width
	}
	text, err := w.text()
	if err != nil {
		return err
	}
	lines := fit(append([]string{w.headline(now)}, strings.Split(strings.TrimRight(text, "\n"), "\n")...), width, height)
	if wantsColour(out) {
		for i := range lines {
			lines[i] = coloured(lines[i])
		}
	}
	if _, err := io.WriteString(out, screenHome+strings.Join(lines, lineEnd)+screenRest); err != nil {
		return fmt.Errorf("write to the terminal: %w", err)
	}
	return nil
}

func (w *watch[T]) headline(now time.Time) string {
	switch {
	case w.err != nil:
		return fmt.Sprintf("no answer for %s: %v", control.Age(now.Sub(w.lost)), w.err)
	case w.last == nil:
		return "realdocd is asked; q ends"
	}
	return fmt.Sprintf("%s, every %s; q ends", w.last.at.Format(listTime), w.every)
}

// fit cuts what does not fit into the window, and says how many lines that were.
func fit(lines []string, width, height int) []string {
	if left := len(lines) - height; left > 0 {
		lines = append(lines[:height-1:height-1], fmt.Sprintf("... and %d more lines", left+1))
	}
	for i, line := range lines {
		lines[i] = cut(line, width)
	}
	return lines
}

// cut cuts a line to the width, and takes out what a terminal would obey: URIs and
// command lines come from others.
func cut(line string, width int) string {
	line = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, line)
	if runes := []rune(line); len(runes) > width {
		return string(runes[:width])
	}
	return line
}

// readKeys gives each key at once when it is pressed; none if in is not a terminal.
// Its goroutine ends with the program, or when there are no more.
func readKeys(in io.Reader) (keys <-chan byte, restore func()) {
	tty, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(tty.Fd())) {
		return nil, func() {}
	}
	before, err := term.MakeRaw(int(tty.Fd()))
	if err != nil {
		return nil, func() {} // Ctrl-C is a signal then
	}
	pressed := make(chan byte)
	go sendKeys(tty, pressed)
	return pressed, func() { term.Restore(int(tty.Fd()), before) }
}

func sendKeys(tty io.Reader, to chan<- byte) {
	key := make([]byte, 1)
	for {
		if n, err := tty.Read(key); err != nil || n == 0 {
			return
		}
		to <- key[0]
	}
}

// isQuit is for q and Ctrl-C, which is a key like others on a raw terminal, as Ctrl-D is.
func isQuit(key byte) bool {
	const ctrlC, ctrlD = 0x03, 0x04
	return key == 'q' || key == 'Q' || key == ctrlC || key == ctrlD
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

const (
	watchDefault = time.Second
	// watchLeast keeps a slip of the finger from asking all the time.
	watchLeast = 100 * time.Millisecond
	// watchTimeout bounds the wait for one answer, so that the operator soon sees
	// that none comes.
	watchTimeout = 3 * time.Second
)

// A writer writes an answer for people, with rates if there is one from before.
type writer[T any] func(w io.Writer, got T, was *earlier[T], now time.Time) error

// A watch shows an answer of the daemon again and again.
type watch[T any] struct {
	every time.Duration
	ask   func(context.Context) (T, error)
	write writer[T]
	view  *statusView // what write goes by; nil for none

	// The last answer, and the one before it.
	last, before *seen[T]
	// lost is when the daemon ceased to answer. err says how; it is nil while it
	// answers.
	lost time.Time
	err  error
}

// seen is an answer, and when it came.
type seen[T any] struct {
	got T
	at  time.Time
}

// earlier is an answer from before another one, and by how long: for rates.
type earlier[T any] struct {
	got T
	ago time.Duration
}

// run watches until somebody ends it, or the first answer is a refusal.
func (w *watch[T]) run(cmd *cobra.Command, asJSON bool) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if out, ok := cmd.OutOrStdout().(*os.File); ok && !asJSON && isTerminal(out) {
		return w.onScreen(ctx, out, cmd.InOrStdin())
	}
	return w.onLines(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), asJSON)
}

// askOnce asks within the time that one answer may take.
func (w *watch[T]) askOnce(ctx context.Context) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	return w.ask(ctx)
}

// take notes an answer, or that none came. If the first answer is a refusal, it returns
// that: waiting would not help.
func (w *watch[T]) take(got T, err error, now time.Time) error {
	if err == nil {
		w.before, w.last = w.last, &seen[T]{got, now}
		w.lost, w.err = time.Time{}, nil
		return nil
	}
	if w.err == nil {
		w.lost = now
	}
	w.err = err
	if w.last == nil && !control.IsNotRunning(err) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// text is the last answer for people, with rates when there is one before it.
func (w *watch[T]) text() (string, error) {
	if w.last == nil {
		return "", nil
	}
	var was *earlier[T]
	if w.before != nil {
		was = &earlier[T]{w.before.got, w.last.at.Sub(w.before.at)}
	}
	var out strings.Builder
	err := w.write(&out, w.last.got, was, w.last.at)
	return out.String(), err
}

// perSecond is by how much a counter has grown a second. It is "-" if that is not known,
// for example after a restart of the daemon.
func perSecond[N int64 | uint64](now, was N, ago time.Duration) string {
	if now < was || ago <= 0 {
		return "-"
	}
	rate := float64(now-was) / ago.Seconds()
	if rate > 0 && rate < 10 {
		return fmt.Sprintf("%.1f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"realdocd/test/stack"
)

const (
	flips  = 20
	period = 500 * time.Millisecond
)

func main() {
	// A pipe's reader that has gone (| head) must not end us before everything is put away.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Stdout))
}

func run(ctx context.Context, out io.Writer) (code int) {
	for _, program := range []string{"nginx", "php-fpm"} {
		if _, err := stack.Find(program); err != nil {
			fmt.Fprintln(out, "The demo needs real programs:", err)
			return 1
		}
	}
	s, err := stack.New()
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	defer stack.RemoveBinary()
	defer func() {
		if err := s.Close(); err != nil {
			fmt.Fprintln(out, "At the end:", err)
			code = 1
		}
	}()
	fmt.Fprintln(out, "\nStarting PHP-FPM, realdocd and nginx …")
	d, err := open(s)
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	d.introduce(out)
	right, err := d.show(ctx, out)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(out, "\nInterrupted; everything is put away.")
		return 1
	}
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	if os.Getenv("KEEP") != "" {
		d.explain(out)
		<-ctx.Done()
		fmt.Fprintln(out, "\nEverything is put away.")
	}
	if !right {
		return 1
	}
	return 0
}

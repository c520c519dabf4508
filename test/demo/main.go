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
	defer stack.RemoveBinary()
	right := false
	err := stack.Run(func(s *stack.Stack) (err error) {
		fmt.Fprintln(out, "\nStarting PHP-FPM, realdocd and nginx …")
		d := open(s)
		d.introduce(out)
		if right, err = d.show(ctx, out); err == nil && os.Getenv("KEEP") != "" {
			d.explain(out)
			<-ctx.Done()
		}
		return err
	})
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(out, "\nInterrupted; everything is put away.")
		return 1
	case err != nil:
		fmt.Fprintln(out, err)
		return 1
	case os.Getenv("KEEP") != "":
		fmt.Fprintln(out, "\nEverything is put away.")
	}
	if !right {
		return 1
	}
	return 0
}

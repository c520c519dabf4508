// Command bench measures what realdocd costs and what it holds back, beside
// other ways from nginx to PHP-FPM: all in one run, in alternating rounds. It
// prints medians of the rounds, and ratios, each a median of the ratios within
// the rounds; only the ratios tell something about another machine.
//
//	make bench                              # all sections, 7 rounds
//	make bench ROUNDS=9
//	make bench BENCH="overload kept"        # only these
//	make bench MANUAL_WRITE=1                # and write realdocd-performance(7), and its plots
//
// realdocd has its defaults, unless a row says otherwise. What a setting costs is a line in
// settings.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"

	"realdocd/test/manual"
	"realdocd/test/stack"
)

// A section is one measurement, with parts of its own.
type section struct {
	name        string
	measure     func(ctx context.Context, s *stack.Stack, r *report, rounds int) error
	connections uint64 // that this process holds at once
}

var sections = []section{
	{"throughput", throughput, 0},
	{"modes", modes, 0},
	{"seen", watched, 0},
	{"settings", settings, 0},
	{"large", large, 0},
	{"pins", pins, 0},
	{"static", static, 0},
	{"overload", overload, 2 * busyClients},
	{"kept", kept, keptConnections},
	{"disk", slowDisk, 0},
	{"growth", growth, mostConnections + 512},
	{"idle", idle, idleConnections},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	stack.RemoveBinary()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string) error {
	rounds := 7
	if s := os.Getenv("ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("ROUNDS=%q is not a number of rounds", s)
		}
		rounds = n
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	for i, sec := range chosen {
		if i > 0 {
			fmt.Println()
		}
		fmt.Printf("== %s\n", sec.name)
		if err := sec.run(ctx, rounds); ctx.Err() != nil {
			return errors.New("interrupted")
		} else if err != nil {
			return fmt.Errorf("%s: %w", sec.name, err)
		}
	}
	return nil
}

func choose(names []string) ([]section, error) {
	if len(names) == 0 {
		return sections, nil
	}
	var chosen []section
	for _, name := range names {
		i := slices.IndexFunc(sections, func(sec section) bool { return sec.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no section %q", name)
		}
		chosen = append(chosen, sections[i])
	}
	return chosen, nil
}

// run ends all parts of the section when it returns. When ctx ends before, so
// do the parts: what waits for one of them fails, and the section returns.
func (sec section) run(ctx context.Context, rounds int) error {
	if err := raiseOpenFiles(sec.connections + 512); err != nil {
		return err
	}
	return stack.Run(func(s *stack.Stack) error {
		ended := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(ended)
			s.Close()
		})
		defer func() {
			if !stop() {
				<-ended
			}
		}()
		r := &report{}
		if err := sec.measure(ctx, s, r, rounds); err != nil {
			return err
		}
		r.end()
		if manual.Writes() {
			return r.write(sec.name)
		}
		return nil
	})
}

// raiseOpenFiles raises the limit for this process and for its children. Go has
// raised the soft limit to the hard one already, but gives children the old one
// unless it is set.
func raiseOpenFiles(wanted uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit on open files: %w", err)
	}
	hard := limit.Max
	limit.Max = max(hard, wanted)
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d open files are needed, and the limit is %d (ulimit -Hn): %w", wanted, hard, err)
	}
	return nil
}

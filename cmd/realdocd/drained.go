package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

func (g *goLive) drain(ctx context.Context, release string, limit time.Duration) error {
	return g.do("drain", func() (string, error) {
		return "nothing runs in " + path.Base(release), g.drained(ctx, release, limit, g.opts.pins)
	})
}

// drained waits until nothing runs in a release, and nothing can enter it any more, by no
// pin either: those that lead there are ended, or waited for.
func (g *goLive) drained(ctx context.Context, release string, limit time.Duration, pins control.Pins) error {
	ends := time.Now().Add(limit)
	within, cancel := context.WithTimeout(ctx, limit+answerTimeout)
	defer cancel()
	if _, err := g.daemon.DrainRelease(within, g.at, g.seenAs(release), limit, pins); err != nil {
		return err
	}
	return awaitPHP(ctx, release, ends)
}

// awaitPHP waits for PHP that runs in a release and that no count of requests knows: a
// worker after fastcgi_finish_request where the pool has no status, a script of cron.
func awaitPHP(ctx context.Context, release string, ends time.Time) error {
	for {
		left := deploy.PHPIn(release)
		if len(left) == 0 {
			return nil
		}
		if !time.Now().Before(ends) {
			return fmt.Errorf("PHP runs in %s still: %s", release, strings.Join(left, ", "))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// busyText says of a release that did not drain who is in it.
func busyText(err error) error {
	if busy := (*control.BusyError)(nil); errors.As(err, &busy) {
		return fmt.Errorf("%w, the oldest of %d is %s", err, len(busy.Inside), busy.Inside[0].What)
	}
	return err
}

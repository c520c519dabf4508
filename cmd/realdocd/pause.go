package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

func newPause() *cobra.Command {
	var o controlOptions
	var drain, asJSON bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "pause POOL",
		Short: "Let new requests of a pool wait",
		Long: `pause lets new requests of the pool wait in its queue, for up to the pool's
queue_timeout each. Those that run go on. It prints nothing when it has worked.

With --drain it also waits until no request runs in the pool and no connection to
PHP-FPM is kept, so that PHP-FPM can be restarted unseen. A script that goes on after
its request (fastcgi_finish_request) counts if the pool has a status; if it has none,
pause says so before it waits. When that takes longer
than the timeout, the exit code is 1 and the pool is as it was before. It is so too
when pause is interrupted.`,
		Example: `  realdocd pause www --drain && systemctl restart php8.2-fpm && realdocd resume www`,
		Args:    poolArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			limit, err := drainLimit(drain, timeout, cmd.Flags().Changed("timeout"))
			if err != nil {
				return usageError{err}
			}
			var pool control.PoolStatus
			err = o.ask(limit+answerTimeout, func(ctx context.Context, daemon *control.Client) error {
				if drain {
					if st, err := daemon.Status(ctx); err == nil { // if it does not answer, Pause says so
						noteUnseen(st.Pools, args[0], cmd.ErrOrStderr())
					}
				}
				pool, err = daemon.Pause(ctx, args[0], limit)
				return err
			})
			if asJSON {
				return answerJSON(cmd.OutOrStdout(), pool, err)
			}
			return err
		},
		ValidArgsFunction: o.completePool,
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the pool as JSON, as the control API has it")
	cmd.Flags().BoolVar(&drain, "drain", false, "wait until nothing runs in the pool")
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait for --drain, as `TIME` such as 30s or 2m")
	return cmd
}

// noteUnseen says which scripts a drain of a pool cannot see, before it waits.
func noteUnseen(pools []control.PoolStatus, pool string, w io.Writer) {
	for _, p := range pools {
		if p.Name == pool && p.Status == "" {
			fmt.Fprintf(w, "note: a script that goes on after fastcgi_finish_request is not seen: set status of [pool.%s] to PHP-FPM's pm.status_listen\n", pool)
		}
	}
}

// drainLimit is how long to wait for a drain, 0 for none.
func drainLimit(drain bool, timeout time.Duration, given bool) (time.Duration, error) {
	switch {
	case !drain && given:
		return 0, errors.New("--timeout is for --drain: add it, or leave --timeout out")
	case !drain:
		return 0, nil
	case timeout <= 0:
		return 0, errors.New("--timeout: want a duration above 0s, such as 30s")
	}
	return timeout, nil
}

func newResume() *cobra.Command {
	var o controlOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "resume POOL",
		Short: "Let the requests of a paused pool go on",
		Long: `resume lets the requests of a paused pool go on. A pause --drain that waits for
the pool meanwhile fails. It prints nothing when it has worked.`,
		Example: `  realdocd resume www`,
		Args:    poolArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			var pool control.PoolStatus
			err := o.ask(answerTimeout, func(ctx context.Context, daemon *control.Client) (err error) {
				pool, err = daemon.Resume(ctx, args[0])
				return err
			})
			if asJSON {
				return answerJSON(cmd.OutOrStdout(), pool, err)
			}
			return err
		},
		ValidArgsFunction: o.completePool,
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the pool as JSON, as the control API has it")
	return cmd
}

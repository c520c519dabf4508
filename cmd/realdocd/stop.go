package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"

	"realdocd/gateway"
)

// awaitStop waits for a signal to stop, or for an upgrade whose successor serves. Its error says
// why the gateway ended by itself.
func (d *daemonProcess) awaitStop() (*upgrade, error) {
	u := &upgrade{} // none is under way
	for {
		select {
		case err := <-d.ended:
			return nil, endedByItself(err)
		case err := <-u.ended:
			if err == nil {
				return u, nil
			}
			d.log.Error().Err(err).Msg("upgrade failed: this process serves on")
			u = &upgrade{}
		case r := <-d.rereads:
			if u.ended != nil {
				r.result <- errReplaced
			} else if r.given.Err() == nil {
				r.result <- d.reload()
			}
		case sig := <-d.signals:
			switch {
			case sig == syscall.SIGUSR2:
				u = d.upgrade(u)
			case u.ended != nil && sig == syscall.SIGHUP:
				d.log.Warn().Msg("SIGHUP changes nothing: another process takes over, with the configuration as it is now")
			case sig == syscall.SIGHUP:
				d.reload()
			case u.ended != nil:
				u.cancel()
				if <-u.ended == nil {
					d.signals <- sig
					return u, nil
				}
				fallthrough
			default:
				d.log.Info().Stringer("signal", sig).Msg("stopping")
				return nil, nil
			}
		}
	}
}

// endedByItself says why the gateway does not serve though no signal came.
func endedByItself(err error) error {
	if err == nil {
		err = errors.New("it stopped without being told to")
	}
	return fmt.Errorf("serve: %w", err)
}

// stop lets requests finish for the shutdown timeout, or until another signal.
func (d *daemonProcess) stop() error {
	timeout := d.config.Gateway.ShutdownTimeout
	if d.passed && os.Getenv("NOTIFY_SOCKET") != "" {
		d.srv.KeepConns(storeConn)
	}
	d.notify(daemon.SdNotifyStopping, "waiting for requests to finish, for up to "+timeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			select {
			case sig := <-d.signals:
				if sig == syscall.SIGTERM || sig == syscall.SIGINT {
					d.log.Warn().Stringer("signal", sig).Msg("stopping at once")
					cancel()
				}
			case <-ctx.Done():
			}
		}
		// A third signal gets the default action, in case something hangs.
		signal.Reset(syscall.SIGTERM, syscall.SIGINT)
	}()
	return d.finish(d.srv.Shutdown(ctx))
}

// finish logs the requests that were cut off at the end.
func (d *daemonProcess) finish(cut []gateway.CutOff) error {
	err := <-d.ended
	for _, c := range cut {
		d.log.Warn().Str("request", c.Request).Str("request_id", c.RequestID).Msg("request cut off")
	}
	d.log.Info().Int("cut", len(cut)).Msg("stopped")
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	if len(cut) > 0 {
		return errNo
	}
	return nil
}

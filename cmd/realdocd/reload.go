package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"realdocd/cmd/realdocd/logging"
	"realdocd/gateway/control"
	"realdocd/gateway/sock"
)

// A rereading is an operator who waits until the configuration was read again.
type rereading struct {
	result chan error
	given  context.Context // done if nobody waits any more
}

// errReplaced is a reload of a process that another takes over from.
var errReplaced = errors.New("another process takes over, with the configuration as it is now")

// reread hands an operator's wish to the goroutine that has the configuration, and
// waits for what becomes of it.
func (d *daemonProcess) reread(ctx context.Context) error {
	r := rereading{make(chan error, 1), ctx}
	select {
	case d.rereads <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reload reads the configuration again and puts it to work. If it has a fault, nothing
// changes, and the log has an event for each fault, as the error has a line.
func (d *daemonProcess) reload() error {
	if d.readAgain == nil {
		d.log.Warn().Msg("SIGHUP changes nothing: the configuration came from flags; restart realdocd with others")
		return control.ErrNoFile
	}
	d.notify(daemon.SdNotifyReloading+"\n"+monotonic(), "reading the configuration again")
	defer d.tellReady()
	c, err := d.readAgain()
	var out *logging.Output
	if err == nil {
		out, err = d.out.Next(c.Log.Output)
	}
	if err == nil {
		inForce := c
		inForce.Log.Format = d.config.Log.Format // until a restart
		c.Gateway.Told = inForce.Told()
		err = d.srv.Reload(c.Gateway)
	}
	if err != nil {
		if out != nil {
			out.Close()
		}
		d.srv.ReloadFailed()
		for line := range strings.Lines(err.Error()) {
			d.log.Error().Str("fault", strings.TrimSuffix(line, "\n")).Msg("configuration not taken: the one before stays")
		}
		return err
	}
	if c.Log.Format != d.config.Log.Format {
		d.log.Warn().Str("format", d.config.Log.Format).Msg("the log keeps its format until realdocd is restarted")
		c.Log.Format = d.config.Log.Format
	}
	logging.SetLevel(c.Log.Level)
	d.config = c
	if d.passed {
		d.warnOfListen()
	} else {
		d.addrs = sock.Strings(c.Gateway.Listen)
	}
	d.log.Info().Strs("sites", c.SiteNames()).Msg("configuration taken")
	d.moveLog(out, c.Log.Output)
	return nil
}

// monotonic is the time of a reload as systemd wants it (sd_notify(3)).
func monotonic() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return ""
	}
	return fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000)
}

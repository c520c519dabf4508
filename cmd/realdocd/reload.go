package main

import (
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"realdocd/cmd/realdocd/logging"
	"realdocd/gateway/sock"
)

// reload reads the configuration again and puts it to work. If it has a fault, nothing
// changes, and the log has an event for each fault.
func (d *daemonProcess) reload() {
	if d.readAgain == nil {
		d.log.Warn().Msg("SIGHUP changes nothing: the configuration came from flags; restart realdocd with others")
		return
	}
	d.notify(daemon.SdNotifyReloading+"\n"+monotonic(), "reading the configuration again")
	defer d.tellReady()
	c, err := d.readAgain()
	var out *logging.Output
	if err == nil {
		out, err = d.out.Next(c.Log.Output)
	}
	if err == nil {
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
		return
	}
	if c.Log.Format != d.config.Log.Format {
		d.log.Warn().Str("format", d.config.Log.Format).Msg("the log keeps its format until realdocd is restarted")
		c.Log.Format = d.config.Log.Format
	}
	logging.SetLevel(c.Log.Level)
	d.config = c
	if !d.passed {
		d.addrs = sock.Strings(c.Gateway.Listen)
	}
	d.log.Info().Strs("sites", c.SiteNames()).Msg("configuration taken")
	d.moveLog(out, c.Log.Output)
}

// monotonic is the time of a reload as systemd wants it (sd_notify(3)).
func monotonic() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return ""
	}
	return fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000)
}

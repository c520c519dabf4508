package main

import (
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells the service manager, if there is one (sd_notify(3)), unless a
// successor does.
func (d *daemonProcess) notify(state, status string) {
	if d.retired.Load() {
		return
	}
	if _, err := daemon.SdNotify(false, state+"\nSTATUS="+status); err != nil {
		d.log.Warn().Err(err).Str("state", state).Msg("cannot tell systemd")
	}
}

// watchdog tells the service manager, as often as it wants, that the gateway is alive.
// It is alive if its state can be read: then no lock is stuck. It ends with the
// process.
func (d *daemonProcess) watchdog() {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		d.log.Warn().Err(err).Msg("no watchdog")
	}
	if err != nil || every == 0 {
		return
	}
	for range time.Tick(every / 2) {
		d.srv.OwnStatus()
		if d.retired.Load() {
			return
		}
		if _, err := daemon.SdNotify(false, daemon.SdNotifyWatchdog); err != nil {
			d.log.Warn().Err(err).Msg("cannot tell systemd's watchdog")
		}
	}
}

package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"realdocd/cmd/realdocd/logging"
)

// openLog opens the log, which SIGUSR1 reopens from then on.
func (d *daemonProcess) openLog(stderr io.Writer, getenv func(string) string) (stop func(), err error) {
	d.out, err = logging.Open(d.config.Log, stderr, getenv("NO_COLOR") == "" && isTerminal(stderr))
	if err != nil {
		return nil, err
	}
	d.log = d.out.Logger()
	ignore := d.reopenLogOnSignal()
	return func() {
		ignore()
		d.out.Close()
	}, nil
}

// reopenLogOnSignal has SIGUSR1 open the log file again, also while requests finish at
// the end. After stop the signal does nothing.
func (d *daemonProcess) reopenLogOnSignal() (stop func()) {
	signals, stopped := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer close(stopped)
		for range signals {
			d.reopenLog()
		}
	}()
	return func() {
		signal.Ignore(syscall.SIGUSR1)
		close(signals)
		<-stopped
	}
}

func (d *daemonProcess) reopenLog() {
	switch path, err := d.out.Reopen(); {
	case err != nil:
		d.log.Error().Err(err).Str("output", path).Msg("log not reopened: the file that is open stays in use")
	case path == "":
		d.log.Info().Msg("SIGUSR1 changes nothing: the log goes to standard error")
	default:
		d.log.Info().Str("output", path).Msg("log reopened")
	}
}

// moveLog has the log go on in another output; nil leaves it where it is. The last
// line of the output before says so.
func (d *daemonProcess) moveLog(next *logging.Output, name string) {
	if next == nil {
		return
	}
	d.log.Info().Str("output", name).Msg("the log goes on there")
	if err := d.out.Move(next); err != nil {
		d.log.Error().Err(err).Str("output", name).Msg("the log does not go on there")
	}
}

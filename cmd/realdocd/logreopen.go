package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"realdocd/cmd/realdocd/conf"
)

// openLog opens the log, which SIGUSR1 reopens from then on.
func (d *daemonProcess) openLog(stderr io.Writer, getenv func(string) string) (stop func(), err error) {
	d.stderr, d.wantColours = stderr, getenv("NO_COLOR") == ""
	out, err := openLogOutput(d.config, stderr, d.wantColours)
	if err != nil {
		return nil, err
	}
	d.out = newLogWriter(out)
	d.log = newLogger(d.config, d.out)
	ignore := d.reopenLogOnSignal()
	return func() {
		ignore()
		d.out.Close()
	}, nil
}

// reopenLogOnSignal has SIGUSR1 open the log file again, until stop is called,
// also while requests finish at the end. Later ones do nothing.
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
	switch path, err := d.out.reopen(); {
	case err != nil:
		d.log.Error().Err(err).Str("output", path).Msg("log not reopened: the file that is open stays in use")
	case path == "":
		d.log.Info().Msg("SIGUSR1 changes nothing: the log goes to standard error")
	default:
		d.log.Info().Str("output", path).Msg("log reopened")
	}
}

// logOutputOf opens the output of a configuration that is read again. It is nil
// where the log stays where it is.
func (d *daemonProcess) logOutputOf(c conf.Config) (*logOutput, error) {
	if c.Log.Output == d.config.Log.Output {
		return nil, nil
	}
	c.Log.Format = d.config.Log.Format
	return openLogOutput(c, d.stderr, d.wantColours)
}

// moveLog has the log go on in another output; nil leaves it where it is. The
// last line of the one before says so.
func (d *daemonProcess) moveLog(next *logOutput, name string) {
	if next == nil {
		return
	}
	d.log.Info().Str("output", name).Msg("the log goes on there")
	d.out.switchTo(next)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/logging"
	"realdocd/gateway"
	"realdocd/gateway/sock"
)

type serveOptions struct {
	file                string
	adhoc               adhoc
	logLevel, logFormat string
}

func newServe(getenv func(string) string) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `serve runs the gateway until SIGTERM or SIGINT, and then lets requests finish for
up to shutdown_timeout; a second signal ends it at once. It exits with 0 when no
request was cut off, and with 1 when one was.

SIGHUP reads the configuration again, without losing a request or a connection.
One with a fault changes nothing, and the log says why. SIGUSR1 opens the log file
again, for logrotate. SIGUSR2 starts the program that is installed now, which takes
over the sockets at once, while this process finishes the requests that it has; one
that does not get ready changes nothing.

With --fpm and --docroot it needs no configuration file.`,
		Example: `  realdocd serve --config ` + defaultConfigFile + `
  realdocd serve --listen ./gw.sock --fpm /run/php/php8.2-fpm.sock \
      --docroot '/var/www/*/current/public'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.config(cmd)
			if err != nil {
				return err
			}
			d := &daemonProcess{config: c}
			if len(o.adhoc.given(cmd)) == 0 {
				d.readAgain = func() (conf.Config, error) { return o.config(cmd) }
			}
			return d.serve(cmd.ErrOrStderr(), getenv)
		},
	}
	cmd.Flags().StringVar(&o.file, "config", defaultConfigFile, "configuration `FILE`")
	o.adhoc.flags(cmd)
	cmd.Flags().StringVar(&o.logLevel, "log-level", "", strings.Join(logging.Levels, ", ")+" (wins over the file)")
	cmd.Flags().StringVar(&o.logFormat, "log-format", "", strings.Join(logging.Formats, " or ")+" (wins over the file)")
	return cmd
}

func (o *serveOptions) config(cmd *cobra.Command) (c conf.Config, err error) {
	if given := o.adhoc.given(cmd); len(given) == 0 {
		c, err = conf.Load(o.file)
	} else if cmd.Flags().Changed("config") {
		return c, usageError{fmt.Errorf("--config and %s do not go together: put it into the file", strings.Join(given, ", "))}
	} else if c, err = o.adhoc.config(); err != nil {
		return c, usageError{err}
	}
	if err != nil {
		return c, err
	}
	err = errors.Join(
		override(cmd, "log-level", o.logLevel, c.SetLogLevel),
		override(cmd, "log-format", o.logFormat, c.SetLogFormat))
	return c, err
}

func override(cmd *cobra.Command, flag, value string, set func(word string) error) error {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	if err := set(value); err != nil {
		return usageError{fmt.Errorf("--%s: %w", flag, err)}
	}
	return nil
}

// A daemonProcess is serve at work.
type daemonProcess struct {
	config    conf.Config
	readAgain func() (conf.Config, error) // the configuration; nil if it came from flags
	log       zerolog.Logger
	out       *logging.Log // of log
	srv       *gateway.Server
	addrs     []string // that it listens on
	passed    bool     // systemd has passed them
	program   string   // what an upgrade starts
	signals   chan os.Signal
	ended     chan error  // what Serve returns
	retired   atomic.Bool // a successor is the main process
}

// serve runs the gateway until a signal ends it.
func (d *daemonProcess) serve(stderr io.Writer, getenv func(string) string) error {
	// Early, so that no signal finds the default action.
	d.signals = make(chan os.Signal, 4)
	signal.Notify(d.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR2)
	defer signal.Stop(d.signals)
	// The daemon must not end if the reader of its log goes away.
	signal.Ignore(syscall.SIGPIPE)
	tuneRuntime(getenv)
	d.program = programPath()
	before, err := predecessor()
	if err != nil {
		return err
	}
	closeLog, err := d.openLog(stderr, getenv)
	if err != nil {
		return err
	}
	defer closeLog()
	d.srv = gateway.New(d.config.Gateway, d.log)
	if err := d.open(before); err != nil {
		return err
	}
	d.ended = make(chan error, 1)
	go func() { d.ended <- d.srv.Serve() }()
	select { // before it serves, it takes no signal's word
	case <-d.srv.Serving():
	case err := <-d.ended:
		return endedByItself(err)
	}
	d.log.Info().Str("version", readBuild().Version).Strs("listen", d.addrs).Strs("sites", d.config.SiteNames()).Msg("ready")
	if before != nil {
		awaitMain(before)
	}
	d.tellReady()
	go d.watchdog()

	successor, err := d.awaitStop()
	switch {
	case err != nil:
		return err
	case successor != nil:
		return d.retire(successor)
	}
	return d.stop()
}

// tuneRuntime sets the limits of Go's runtime, unless the environment does.
func tuneRuntime(getenv func(string) string) {
	if getenv("GOGC") == "" {
		// The heap is a few megabytes and a request leaves little garbage:
		// collecting at five times the live heap costs little memory, and saves
		// most of the collections under load.
		debug.SetGCPercent(400)
	}
	if getenv("GOMAXPROCS") == "" {
		// A request costs a fraction here of what it costs in the web server and in
		// PHP, which need the other processors. One more than needed costs wake-ups.
		runtime.GOMAXPROCS((runtime.GOMAXPROCS(0) + 3) / 4)
	}
}

// open takes the predecessor's sockets. Without a predecessor it takes those that
// systemd has passed, or opens those of the configuration.
func (d *daemonProcess) open(before *gateway.Predecessor) error {
	if before == nil {
		return d.listen()
	}
	if err := d.srv.Succeed(before); err != nil {
		return err
	}
	d.addrs, d.passed = d.srv.Addrs()
	return nil
}

// listen takes the sockets that systemd has passed, or else opens those of the
// configuration.
func (d *daemonProcess) listen() error {
	passed, err := d.takePassed()
	if err != nil {
		return err
	}
	for _, ln := range passed {
		d.addrs = append(d.addrs, ln.Addr().String())
	}
	if d.passed = len(passed) > 0; !d.passed {
		d.addrs = sock.Strings(d.config.Gateway.Listen)
	}
	if err := d.srv.Listen(passed...); err != nil {
		return fmt.Errorf("open the sockets: %w", err)
	}
	return nil
}

func (d *daemonProcess) tellReady() {
	c := d.config.Gateway
	d.notify(daemon.SdNotifyReady, fmt.Sprintf("serving %s on %s", count(len(c.Sites), "site"), strings.Join(d.addrs, ", ")))
}

// awaitStop waits for a signal to stop, or for a successor that serves. Its error says
// why the gateway ended by itself.
func (d *daemonProcess) awaitStop() (*gateway.Successor, error) {
	u := &upgrade{} // none is under way
	for {
		select {
		case err := <-d.ended:
			return nil, endedByItself(err)
		case err := <-u.ended:
			if err == nil {
				return u.successor, nil
			}
			d.log.Error().Err(err).Msg("upgrade failed: this process serves on")
			u = &upgrade{}
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
					return u.successor, nil
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

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

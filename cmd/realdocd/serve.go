package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"realdocd/gateway"
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
			return serve(c, cmd.ErrOrStderr(), getenv)
		},
	}
	cmd.Flags().StringVar(&o.file, "config", defaultConfigFile, "configuration `FILE`")
	o.adhoc.flags(cmd)
	cmd.Flags().StringVar(&o.logLevel, "log-level", "", strings.Join(logLevels, ", ")+" (wins over the file)")
	cmd.Flags().StringVar(&o.logFormat, "log-format", "", strings.Join(logFormats, " or ")+" (wins over the file)")
	return cmd
}

func (o *serveOptions) config(cmd *cobra.Command) (c config, err error) {
	if given := o.adhoc.given(cmd); len(given) == 0 {
		c, err = loadConfig(o.file)
	} else if cmd.Flags().Changed("config") {
		return c, usageError{fmt.Errorf("--config and %s do not go together: put it into the file", strings.Join(given, ", "))}
	} else if c, err = o.adhoc.config(); err != nil {
		return c, usageError{err}
	}
	if err != nil {
		return c, err
	}
	return c, errors.Join(
		override(cmd, "log-level", o.logLevel, into(&c.logLevel, oneOf(logLevels...))),
		override(cmd, "log-format", o.logFormat, into(&c.logFormat, oneOf(logFormats...))))
}

func override(cmd *cobra.Command, flag, value string, set setter) error {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	if err := set(value); err != nil {
		return usageError{fmt.Errorf("--%s: %w", flag, err)}
	}
	return nil
}

// serve runs the gateway until a signal ends it.
func serve(c config, stderr io.Writer, getenv func(string) string) error {
	// Early, so that no signal finds the default action.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	// A reader of our log that goes away must not end the daemon.
	signal.Ignore(syscall.SIGPIPE)
	if getenv("GOGC") == "" {
		// The heap is a few megabytes and a request leaves little garbage:
		// collecting at five times the live heap costs little memory, and saves
		// most of the collections under load.
		debug.SetGCPercent(400)
	}

	out := newLogWriter(stderr)
	defer out.Close()
	log := newLogger(c, out, isTerminal(stderr) && getenv("NO_COLOR") == "")
	srv, err := gateway.New(c.gateway, log)
	if err != nil {
		return fmt.Errorf("start the gateway: %w", err)
	}
	addrs, err := listen(srv, c.gateway)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve() }()
	tellReady(log, c, addrs)

	if err := awaitStop(log, signals, ended); err != nil {
		return err
	}
	return stop(log, srv, c.gateway, signals, ended)
}

// listen takes the sockets that systemd has passed, or else opens those of the
// configuration, and says which.
func listen(srv *gateway.Server, c gateway.Config) ([]string, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("take the sockets passed by systemd: %w", err)
	}
	var addrs []string
	for _, ln := range passed {
		if err := checkPassed(ln, c); err != nil {
			return nil, err
		}
		addrs = append(addrs, ln.Addr().String())
	}
	if len(passed) == 0 {
		addrs = c.Listen
	}
	if err := srv.Listen(passed...); err != nil {
		return nil, fmt.Errorf("open the sockets: %w", err)
	}
	return addrs, nil
}

// checkPassed refuses what the configuration would have been refused for.
func checkPassed(ln net.Listener, c gateway.Config) error {
	if ln == nil {
		return errors.New("systemd passed a socket that is no stream listener: use ListenStream= in the socket unit")
	}
	if ln.Addr().Network() != "unix" && len(c.AllowedClients) == 0 {
		return fmt.Errorf("systemd passed the socket %s, which is open to the network: say who may connect with allowed_clients", ln.Addr())
	}
	return nil
}

func tellReady(log zerolog.Logger, c config, addrs []string) {
	var sites []string
	for _, s := range c.gateway.Sites {
		sites = append(sites, s.Name)
	}
	log.Info().Str("version", readBuild().Version).Strs("listen", addrs).Strs("sites", sites).Msg("ready")
	notify(log, daemon.SdNotifyReady, fmt.Sprintf("serving %s on %s", count(len(sites), "site"), strings.Join(addrs, ", ")))
}

func notify(log zerolog.Logger, state, status string) {
	if _, err := daemon.SdNotify(false, state+"\nSTATUS="+status); err != nil {
		log.Warn().Err(err).Str("state", state).Msg("cannot tell systemd")
	}
}

// awaitStop waits for a signal to stop. Its error is why the gateway ended by itself.
func awaitStop(log zerolog.Logger, signals <-chan os.Signal, ended <-chan error) error {
	for {
		select {
		case err := <-ended:
			if err == nil {
				err = errors.New("it stopped without being told to")
			}
			return fmt.Errorf("serve: %w", err)
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				log.Info().Stringer("signal", sig).Msg("stopping")
				return nil
			}
			log.Warn().Msg("SIGHUP changes nothing in this version: restart realdocd to read the configuration again")
		}
	}
}

// stop lets requests finish for the shutdown timeout, or until another signal.
func stop(log zerolog.Logger, srv *gateway.Server, c gateway.Config, signals <-chan os.Signal, ended <-chan error) error {
	notify(log, daemon.SdNotifyStopping, "waiting for requests to finish, for up to "+c.ShutdownTimeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), c.ShutdownTimeout)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			select {
			case sig := <-signals:
				if sig != syscall.SIGHUP {
					log.Warn().Stringer("signal", sig).Msg("stopping at once")
					cancel()
				}
			case <-ctx.Done():
			}
		}
		// A third signal gets the default action, should something hang.
		signal.Reset(syscall.SIGTERM, syscall.SIGINT)
	}()
	cut := srv.Shutdown(ctx)
	err := <-ended
	for _, request := range cut {
		log.Warn().Str("request", request).Msg("request cut off")
	}
	log.Info().Int("cut", len(cut)).Msg("stopped")
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

package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
)

type serveOptions struct {
	file  string
	adhoc adhoc
	log   logOptions
}

func newServe(getenv func(string) string) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `serve runs the gateway until SIGTERM or SIGINT, and then lets requests finish for
up to shutdown_timeout; a second signal ends it at once. It exits with 0 when no
request was cut off, and with 1 when one was. A configuration with a fault ends it
with 78.

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
				return notServed(cmd.ErrOrStderr(), getenv, err)
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
	o.log.flags(cmd)
	return cmd
}

// faultPause is how long a start with a faulty configuration takes under a socket unit.
// systemd would otherwise start us anew at once for each request that waits, and then
// give the socket up (TriggerLimitBurst= in systemd.socket(5)).
const faultPause = time.Second

// notServed names the faults of a configuration, and waits if systemd has passed sockets.
func notServed(stderr io.Writer, getenv func(string) string, err error) error {
	if !conf.IsFault(err) || getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return err
	}
	printError(stderr, err)
	time.Sleep(faultPause)
	return exitCode(exitConfig)
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
	err = o.log.override(cmd, &c)
	c.Gateway.Told = c.Told()
	return c, err
}

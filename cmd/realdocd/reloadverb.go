package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/gateway/control"
)

// reloadTimeout bounds the wait for a daemon that reads its configuration again: it opens
// sockets and a log file then, and asks new PHP-FPMs for nothing.
const reloadTimeout = 30 * time.Second

func newReload(getenv func(string) string) *cobra.Command {
	var o controlOptions
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running gateway read its configuration again, and say whether it took it",
		Long: `reload reads the configuration file, names its faults, and if there is none has the
running gateway read it too. It returns when the gateway has taken it, and exits with
0 then. It exits with 78 if the file has a fault, and with 1 if the gateway does not
take it, such as an address that cannot be listened on: the configuration from before
stays in force then, and no request notices.

systemctl reload realdocd does this. Without systemd, and in a container, so does
realdocd reload.`,
		Example: `  realdocd reload
  podman exec gateway realdocd reload`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return o.reload(getenv) },
	}
	o.flags(cmd)
	return cmd
}

func (o *controlOptions) reload(getenv func(string) string) error {
	c, err := conf.Load(o.file)
	if err != nil {
		return err
	}
	if o.socket == "" && c.Gateway.Control == "" {
		if done, err := signalMain(getenv); done {
			return err
		}
		return fmt.Errorf("control is \"\" in %s: nobody can be asked; send SIGHUP to realdocd, and its log says what it made of the file", o.file)
	}
	err = o.ask(reloadTimeout, func(ctx context.Context, daemon *control.Client) error {
		_, err := daemon.Reload(ctx)
		return err
	})
	if err != nil && control.IsNotRunning(err) {
		// The running one may have its control socket where the file before had it.
		if done, err := signalMain(getenv); done {
			return err
		}
		return errors.Join(err, errors.New("if the file gives control another path than before, name the one before with --control"))
	}
	return err
}

// signalMain sends SIGHUP to the main process of the unit whose ExecReload= we are. done
// is false if we are none.
func signalMain(getenv func(string) string) (done bool, err error) {
	pid, err := strconv.Atoi(getenv("MAINPID"))
	if err != nil || pid <= 1 {
		return false, nil
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return true, fmt.Errorf("send SIGHUP to process %d: %w", pid, err)
	}
	return true, nil
}

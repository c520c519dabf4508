package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/logging"
)

// agentOptions are those of fleet agent.
type agentOptions struct {
	file string
	log  logOptions
}

func newFleetAgent(getenv func(string) string) *cobra.Command {
	var o agentOptions
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Run this host's part of the fleet",
		Long: `agent has this host go with its fleet, until SIGTERM or SIGINT: it tells the others through
etcd what the host has, prepares and flips releases when a command of the fleet wants
that, and tells the gateway on this host where its sites stand. When it starts, and after
a loss of etcd, it goes to what is committed before it says that the host is ready.

It runs beside realdocd serve, as root or as who owns the links; the unit
realdocd-fleet.service is for it. Requests never wait for it. Its log goes to standard error,
by level and format of [log].

SIGHUP reads the configuration again. A file with a fault changes nothing, and the log
says why. A configuration without [fleet] etcd ends it, with 78 when it starts.`,
		Example: `  realdocd fleet agent --config ` + defaultConfigFile + `
  systemctl enable --now realdocd-fleet`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.config(cmd)
			if err == nil && !c.Fleet.Configured() {
				err = fmt.Errorf("%s has no fleet: set etcd in [fleet] to the URLs of etcd's servers", o.file)
				printError(cmd.ErrOrStderr(), err)
				return exitCode(exitConfig)
			}
			if err != nil {
				return err
			}
			p := &agentProcess{readAgain: func() (conf.Config, error) { return o.config(cmd) }}
			return p.run(c, o.file, cmd.ErrOrStderr(), getenv)
		},
	}
	cmd.Flags().StringVar(&o.file, "config", defaultConfigFile, "configuration `FILE`")
	o.log.flags(cmd)
	return cmd
}

// config is the file's, with the log on standard error: the log file is the daemon's.
func (o *agentOptions) config(cmd *cobra.Command) (conf.Config, error) {
	c, err := conf.Load(o.file)
	if err != nil {
		return c, err
	}
	c.Log.Output = logging.ToStderr
	return c, o.log.override(cmd, &c)
}

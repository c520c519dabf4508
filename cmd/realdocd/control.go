package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/gateway/control"
)

// daemonUser is whose daemon is believed where no file says another.
const daemonUser = "realdocd"

// answerTimeout bounds the wait for an answer that the daemon has at hand.
const answerTimeout = 10 * time.Second

// controlOptions say at which socket the running daemon is asked.
type controlOptions struct {
	file, socket string
}

func (o *controlOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.file, "config", defaultConfigFile, "configuration `FILE`, which names the control socket")
	cmd.Flags().StringVar(&o.socket, "control", "", "`PATH` of the control socket (wins over the file)")
}

// ask asks the running daemon, and waits for at most the limit.
func (o *controlOptions) ask(limit time.Duration, do func(context.Context, *control.Client) error) error {
	client, err := o.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return do(ctx, client)
}

// client does not read the file if the socket is on the command line.
func (o *controlOptions) client() (*control.Client, error) {
	if o.socket != "" {
		return control.NewClient(o.socket, daemonUser), nil
	}
	c, err := conf.Load(o.file)
	if err != nil {
		return nil, err
	}
	if c.Gateway.Control == "" {
		return nil, fmt.Errorf("control is \"\" in %s, so realdocd has no control socket: name one there, and reload realdocd", o.file)
	}
	return control.NewClient(c.Gateway.Control, c.Gateway.User), nil
}

// poolArgument wants the name of one pool.
func poolArgument(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return fmt.Errorf("%s which pool? realdocd status lists them", cmd.Name())
	case 1:
		return nil
	}
	return fmt.Errorf("%s takes one pool, got %q too", cmd.Name(), args[1])
}

// completePool gives the shell the pools of the running daemon, if it runs.
func (o *controlOptions) completePool(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 0 {
		// An error cannot be shown here: the shell proposes nothing then.
		_ = o.ask(time.Second, func(ctx context.Context, daemon *control.Client) error {
			st, err := daemon.Status(ctx)
			for _, p := range st.Pools {
				names = append(names, p.Name)
			}
			return err
		})
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

func newFleet(getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Flip releases on all hosts of a group, or on none",
		Long: `fleet flips a release on all hosts of a group at one instant, or on none of them. The
hosts agree through etcd; [fleet] in the configuration says where that is. On each host
runs fleet agent, beside the gateway. See realdocd-fleet(7).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{errors.New("say which: " + strings.Join(commandNames(cmd), ", "))}
		},
	}
	cmd.AddCommand(newFleetFlip(), newFleetRollback(), newFleetCanary(), newFleetStatus(), newFleetDrain(), newFleetHistory(), newFleetLeave(),
		newFleetForget(), newFleetContent(), newFleetAgent(getenv))
	return cmd
}

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

type agentOptions struct {
	file                string
	logLevel, logFormat string
}

func newFleetAgent(getenv func(string) string) *cobra.Command {
	var o agentOptions
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Run this host's part of the fleet",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.New("the agent")
		},
	}
	cmd.Flags().StringVar(&o.file, "config", defaultConfigFile, "configuration `FILE`")
	return cmd
}

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/logging"
)

// logOptions say how a process logs, instead of the file.
type logOptions struct{ level, format string }

func (o *logOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.level, "log-level", "", strings.Join(logging.Levels, ", ")+" (wins over the file)")
	cmd.Flags().StringVar(&o.format, "log-format", "", strings.Join(logging.Formats, " or ")+" (wins over the file)")
}

// override puts what was given into a configuration.
func (o *logOptions) override(cmd *cobra.Command, c *conf.Config) error {
	return errors.Join(
		override(cmd, "log-level", o.level, c.SetLogLevel),
		override(cmd, "log-format", o.format, c.SetLogFormat))
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

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/gateway/control"
)

type configOptions struct {
	controlOptions
	fromFile, diff, noDefaults, asJSON bool
}

func newConfig() *cobra.Command {
	var o configOptions
	cmd := &cobra.Command{
		Use:   "config [TABLE...]",
		Short: "Print the configuration that is in force",
		Long: `config prints what the running gateway runs on: each key with its value or its
default, as TOML that serve would take. With --from-file it prints what the file says,
with all files that it includes; that needs no gateway. TABLE is one of the tables, such
as log, pool.www, site.shop or top, which is the top of the file; site are all sites.

With --diff it prints what a reload would change: lines that begin with - are in force,
those with + are in the file. It prints nothing and exits with 0 if nothing would change;
otherwise it exits with 1.

Secrets are not printed: what comes from a credential is as it is written, and a password
in a URL is crossed out.`,
		Example: `  realdocd config
  realdocd config site.shop
  realdocd config --from-file --no-defaults
  realdocd config --diff && systemctl reload realdocd`,
		PreRunE: func(*cobra.Command, []string) error {
			switch {
			case o.diff && o.fromFile:
				return usageError{errors.New("--diff compares the file with the gateway: leave --from-file out")}
			case o.diff && o.noDefaults:
				return usageError{errors.New("--diff prints only what differs: leave --no-defaults out")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return o.tableNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.fromFile, "from-file", false, "print what the file says, and ask no gateway")
	cmd.Flags().BoolVar(&o.diff, "diff", false, "print what a reload would change")
	cmd.Flags().BoolVar(&o.noDefaults, "no-defaults", false, "leave out what has its default")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "write JSON, as the control API has it")
	return cmd
}

func (o *configOptions) run(cmd *cobra.Command, names []string) error {
	var now, next control.Configuration
	var err error
	if o.diff || o.fromFile {
		if next, err = o.ofFile(); err != nil {
			return err
		}
	}
	if !o.fromFile {
		if now, err = o.ofDaemon(); err != nil {
			return err
		}
	}
	shown := now
	if o.fromFile {
		shown = next
	}
	if shown.Tables, err = tablesNamed(shown.Tables, names, o.diff); err != nil {
		return err
	}
	var out bytes.Buffer
	switch {
	case o.diff:
		if next.Tables, err = tablesNamed(next.Tables, names, true); err != nil {
			return err
		}
		err = o.writeDiff(&out, changesOf(shown.Tables, next.Tables))
	case o.asJSON:
		err = writeJSON(&out, shown)
	default:
		writeConfiguration(&out, shown, o.noDefaults)
	}
	if _, writeErr := out.WriteTo(cmd.OutOrStdout()); writeErr != nil {
		return fmt.Errorf("write the configuration: %w", writeErr)
	}
	return err
}

func (o *configOptions) ofFile() (control.Configuration, error) {
	c, err := conf.Load(o.file)
	if err != nil {
		return control.Configuration{}, err
	}
	// As the gateway tells it: numbers of JSON are of one kind.
	var told control.Configuration
	text, err := json.Marshal(c.Told())
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	return told, err
}

func (o *configOptions) ofDaemon() (told control.Configuration, err error) {
	err = o.ask(answerTimeout, func(ctx context.Context, daemon *control.Client) error {
		told, err = daemon.Configuration(ctx)
		return err
	})
	if control.IsNotRunning(err) {
		err = fmt.Errorf("%w; realdocd config --from-file shows what the file says", err)
	}
	return told, err
}

// writeDiff is errNo if there are changes.
func (o *configOptions) writeDiff(out *bytes.Buffer, changes []configChange) error {
	if o.asJSON {
		if err := writeJSON(out, changes); err != nil {
			return err
		}
	} else {
		writeChanges(out, changes)
	}
	if len(changes) > 0 {
		return errNo
	}
	return nil
}

// tableNames are those of the file, for the shell.
func (o *configOptions) tableNames() (names []string) {
	told, err := o.ofFile()
	if err != nil {
		return nil // an error cannot be shown here
	}
	for _, t := range told.Tables {
		names = append(names, tableName(t))
	}
	return names
}

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/logging"
	"realdocd/gateway/nearest"
)

const (
	exitDone  = 0
	exitNo    = 1 // the answer is no, or it could not be done
	exitUsage = 2 // wrong use
	// exitConfig is a configuration that has faults, or cannot be read: EX_CONFIG of
	// sysexits(3). Starting again does not help, so a supervisor should not.
	exitConfig = 78
)

const defaultConfigFile = "/etc/realdocd/realdocd.toml"

// errNo is the answer no, and errConfig a faulty configuration. The command has said why.
var (
	errNo     = errors.New("no")
	errConfig = errors.New("faulty configuration")
)

// usageError is wrong use that only the command itself can see.
type usageError struct{ error }

// Main runs one command and gives its exit code.
func Main(args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	root := newRoot(getenv)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	var started bool // an error before that is wrong use
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }

	cmd, err := root.ExecuteC()
	if err == nil {
		return exitDone
	}
	switch {
	case errors.Is(err, errNo):
		return exitNo
	case errors.Is(err, errConfig):
		return exitConfig
	}
	var code exitCode
	if errors.As(err, &code) {
		return int(code)
	}
	var wrong usageError
	if started && !errors.As(err, &wrong) {
		printError(stderr, err)
		if conf.IsFault(err) {
			return exitConfig
		}
		return exitNo
	}
	printError(stderr, withHint(cmd, err))
	fmt.Fprintf(stderr, "Try '%s --help'.\n", cmd.CommandPath())
	return exitUsage
}

func newRoot(getenv func(string) string) *cobra.Command {
	root := &cobra.Command{
		Use:   "realdocd",
		Short: "A FastCGI gateway that runs each PHP request on one release",
		Long: `realdocd stands between a web server and PHP-FPM. It resolves the document root's
symlink once, at the start of a request, so that the request sees one release of
the code from its first include to its last, however often the symlink is flipped.`,
		Example: `  realdocd serve --listen ./gw.sock --fpm /run/php/php8.2-fpm.sock \
      --docroot '/var/www/*/current/public'
  realdocd check --config ` + defaultConfigFile + `
  realdocd serve`,
		Version:            readBuild().String(),
		SilenceErrors:      true,
		SilenceUsage:       true,
		DisableSuggestions: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{errors.New("say what to do: " + strings.Join(commandNames(cmd), ", "))}
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newServe(getenv), newReload(getenv), newCheck(), newConfig(), newStatus(), newPause(), newResume(),
		newFlip(), newRollback(), newDrain(), newDeploy(), newCanary(), newPreview(), newMaintenance(), newExec(), newFleet(getenv), newMigrate(), newVersion())
	return root
}

// printError writes the error to the operator, with realdocd: before each line. For the
// journal each line has its priority, so that journalctl -p warning shows it.
func printError(w io.Writer, err error) {
	priority := logging.ErrorPriority(w)
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "%srealdocd: %s\n", priority, plain(strings.TrimSuffix(line, "\n")))
	}
}

// withHint adds the nearest right name to an unknown command or flag.
func withHint(cmd *cobra.Command, err error) error {
	var flag *pflag.NotExistError
	if errors.As(err, &flag) {
		if near := nearest.To(flag.GetSpecifiedName(), flagNames(cmd)); near != "" && err == error(flag) {
			return fmt.Errorf("%w; did you mean --%s?", err, near)
		}
		return err
	}
	var name string
	if _, scanErr := fmt.Sscanf(err.Error(), "unknown command %q", &name); scanErr != nil {
		return err
	}
	if !cmd.HasSubCommands() {
		cmd = cmd.Root()
	}
	if near := nearest.To(name, commandNames(cmd)); near != "" {
		return fmt.Errorf("unknown command %q; did you mean %q?", name, near)
	}
	return fmt.Errorf("unknown command %q", name)
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// noArguments is cobra.NoArgs with words that fit a command without subcommands.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, got %q", cmd.Name(), args[0])
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/migrate"
)

func newMigrate() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate PATH...",
		Short: "Make a configuration from Apache's with mod_realdoc and PHP's with incpath",
		Long: `migrate reads the configuration of Apache, of PHP and of PHP-FPM, and prints one
for realdocd, with a comment on each key that says from which line it was taken,
and one that begins with DECIDE on what needs somebody. A PATH is a directory such
as /etc/apache2, /etc/httpd or /etc/php/8.2/fpm, or a file: of Apache, php.ini, or
a pool of PHP-FPM. With php.ini go the files of conf.d beside it.

It writes nothing and runs nothing. It exits with 1 when there is no virtual host
with a DocumentRoot, and when a file cannot be read. How to switch a running site
over, and back, is in realdocd-migrate(7).`,
		Example: `  realdocd migrate /etc/apache2 /etc/php/5.6/apache2/php.ini > realdocd.toml
  realdocd migrate /etc/httpd /etc/php.ini /etc/php-fpm.d > realdocd.toml
  realdocd check --config realdocd.toml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("migrate what? name Apache's configuration, as in: realdocd migrate /etc/apache2 /etc/php/5.6/apache2/php.ini")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			paths := make([]string, len(args))
			for i, arg := range args {
				var err error
				if paths[i], err = filepath.Abs(arg); err != nil {
					return fmt.Errorf("migrate %s: %w", arg, err)
				}
			}
			text, err := migrate.TOML(os.DirFS("/"), paths...)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(cmd.OutOrStdout(), text); err != nil {
				return fmt.Errorf("write the configuration: %w", err)
			}
			return nil
		},
	}
}

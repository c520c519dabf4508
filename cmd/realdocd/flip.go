package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
)

func newFlip() *cobra.Command {
	var o liveOptions
	cmd := &cobra.Command{
		Use:   "flip SITE RELEASE_DIR",
		Short: "Make a release live",
		Long: `flip points the site's link to the release, in one rename: requests that run finish
on the release that they began on, new ones get the new one. Before it, the running
gateway is asked whether PHP-FPM can read the release and has room for it in the
opcache, and runs the site's warm-up on it; what fails there leaves the live
release as it is. Where no gateway runs, flip only flips, and says so.

Interrupted before the rename, it has changed nothing; after it, the flip stands.`,
		Example: `  realdocd flip shop /var/www/shop/releases/43
  realdocd flip shop releases/43 --strict --drain --timeout 2m`,
		Args: siteArguments("RELEASE_DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drainLimit(o.drain, o.timeout, cmd.Flags().Changed("timeout")); err != nil {
				return usageError{err}
			}
			release, err := filepath.Abs(args[1])
			if err != nil {
				return fmt.Errorf("complete the path of %s: %w", args[1], err)
			}
			return o.with(cmd, args[0], func(ctx context.Context, g *goLive) error { return g.run(ctx, release) })
		},
		ValidArgsFunction: o.completeSiteThenDirectory,
	}
	o.flags(cmd)
	o.drainFlags(cmd)
	return cmd
}

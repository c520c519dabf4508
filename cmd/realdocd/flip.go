package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newFlip() *cobra.Command {
	var o liveOptions
	cmd := &cobra.Command{
		Use:   "flip SITE RELEASE",
		Short: "Make a release live",
		Long: `flip points the site's link to the release, in one rename: requests that run finish
on the release that they began on, new ones get the new one. RELEASE is a directory,
or the name of one beside the live release.

Before it, the release's files are looked through for what names other directories;
the running gateway is asked whether PHP-FPM can read the release and has room for it
in the opcache; and the site's warm-up runs on it. What fails there leaves the live
release as it is. If no gateway runs, flip only flips, and says so.

With --hold, what follows -- runs as the last step before the flip, as a migration of
the database: new requests of the site wait meanwhile, for at most the pool's
queue_timeout each, and those that ran have ended. If the command fails, the live
release goes on and the exit code is 1. See realdocd-canary(7).

With --bake, it then watches the release for that time, against what the one before did,
and rolls back if it is worse; the exit code is 1 then.

Interrupted before the rename, it has changed nothing; after it, the flip stands.`,
		Example: `  realdocd flip shop /var/www/shop/releases/43
  realdocd flip shop 43
  realdocd flip shop releases/43 --strict --drain --timeout 2m
  realdocd flip shop 43 --bake 2m
  realdocd flip shop 43 --hold -- ./migrate.sh`,
		Args: o.withCommand(siteArguments("RELEASE")),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drainLimit(o.drain || o.hold, o.timeout, cmd.Flags().Changed("timeout")); err != nil {
				return usageError{err}
			}
			return o.with(cmd, args[0], func(ctx context.Context, g *goLive) error {
				release, err := g.findDirectory(args[1])
				if err != nil {
					return err
				}
				return g.run(ctx, release)
			})
		},
		ValidArgsFunction: o.completeSiteThenDirectory,
	}
	o.flags(cmd)
	o.drainFlags(cmd)
	o.holdFlag(cmd)
	o.bakeFlag(cmd)
	return cmd
}

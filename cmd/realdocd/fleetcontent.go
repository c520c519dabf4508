package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"realdocd/deploy"
)

func newFleetContent() *cobra.Command {
	var o siteOptions
	cmd := &cobra.Command{
		Use:   "content SITE RELEASE",
		Short: "List what counts of a release on this host",
		Long: `fleet content lists what is in a release on this host, one path a line, as its hash is
made of it: kind, permissions, size, SHA-256 and path. If two hosts have a release with
other content, compare their lists. What is excluded or shared is left out, and so is
what has come since the release was prepared or live: to know that, run it as root. Of a
release that was brought and has another content than is wanted it lists what has come.
The sum of all lines is the hash; realdocd-fleet(7) has how.`,
		Example: `  realdocd fleet content shop 43
  diff <(ssh web1 realdocd fleet content shop 43) <(ssh web2 realdocd fleet content shop 43)`,
		Args: siteArguments("RELEASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible()
			defer stop()
			site, err := o.find(ctx, args[0])
			if err != nil {
				return err
			}
			g := &goLive{namedSite: site}
			if g.link, err = g.findLink(); err != nil {
				return err
			}
			return g.listContent(ctx, args[1], cmd.OutOrStdout())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.flags(cmd)
	return cmd
}

// listContent writes what counts of a release, also of one that has no name yet.
func (g *goLive) listContent(ctx context.Context, name string, to io.Writer) error {
	if err := deploy.CheckReleaseName(name); err != nil {
		return err
	}
	dir := ""
	for _, release := range g.complete(name) {
		dir = release.dir
	}
	for _, roof := range g.roofs() {
		if hidden := filepath.Join(roof, "."+name+".partial"); dir == "" && wantDirectory(hidden) == nil {
			dir = hidden
		}
	}
	if dir == "" {
		return fmt.Errorf("site %s has no release %s here: realdocd fleet status %[1]s shows which hosts have it", g.site.Name, name)
	}
	out := bufio.NewWriter(to)
	if err := deploy.ReadContents(g.stateDir).List(ctx, dir, g.filling(""), out); err != nil {
		return err
	}
	return out.Flush()
}

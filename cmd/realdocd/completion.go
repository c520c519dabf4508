package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/gateway/control"
)

// completeSite proposes the sites to the shell, and nothing after a site.
func (o *siteOptions) completeSite(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	// An error of the file cannot be shown here: the shell proposes nothing then.
	err := o.ask(time.Second, func(ctx context.Context, daemon *control.Client) error {
		st, err := daemon.Status(ctx)
		for _, s := range st.Sites {
			names = append(names, s.Name)
		}
		return err
	})
	if err != nil {
		c, _ := conf.Load(o.file)
		names = c.SiteNames()
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeSiteThenDirectory leaves the second argument to the shell.
func (o *siteOptions) completeSiteThenDirectory(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return o.completeSite(cmd, args, word)
}

// completeSiteThenCommand leaves the arguments after the site to the shell.
func (o *siteOptions) completeSiteThenCommand(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return o.completeSite(cmd, args, word)
}

// completeSiteThenRelease proposes the releases that the running daemon knows. If it
// knows none, the shell proposes directories.
func (o *siteOptions) completeSiteThenRelease(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return o.completeSite(cmd, args, word)
	}
	if strings.Contains(word, "/") {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	var names []string
	err := o.ask(time.Second, func(ctx context.Context, daemon *control.Client) error {
		detail, err := daemon.Site(ctx, control.SiteAddress{Site: args[0], Docroot: o.docroot})
		for _, r := range knownReleases(detail) {
			names = append(names, r.Name)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

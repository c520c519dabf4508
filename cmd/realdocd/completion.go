package main

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/gateway"
	"realdocd/gateway/control"
)

// completeSite proposes the sites to the shell, and nothing after a site.
func (o *siteOptions) completeSite(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var sites []gateway.SiteConfig
	// An error of the file cannot be shown here: the shell proposes nothing then.
	err := o.ask(time.Second, func(ctx context.Context, daemon *control.Client) error {
		st, err := daemon.Status(ctx)
		sites = configOf(st.Sites)
		return err
	})
	if err != nil {
		c, _ := conf.Load(o.file)
		sites = c.Gateway.Sites
	}
	var names []string
	for _, s := range sites {
		names = append(names, s.Name)
	}
	return append(names, tenantsBegun(sites, word)...), cobra.ShellCompDirectiveNoFileComp
}

// completeSiteThenDirectory leaves the second argument to the shell.
func (o *siteOptions) completeSiteThenDirectory(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return o.completeSite(cmd, args, word)
}

// completeSiteThenTarget proposes what could go live: the releases that the running daemon
// knows, and those that lie beside the live one. The shell proposes directories as well,
// once the word has a slash.
func (o *siteOptions) completeSiteThenTarget(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	names, directive := o.completeSiteThenRelease(cmd, args, word)
	if len(args) != 1 || strings.Contains(word, "/") {
		return names, directive
	}
	t, err := o.find(context.Background(), args[0])
	if err != nil {
		return names, directive
	}
	names = append(names, t.releasesOnDisk()...)
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// releasesOnDisk are the names of the directories among which a release would be found by
// its name.
func (t *namedSite) releasesOnDisk() (names []string) {
	parents := []string{}
	if t.site.Releases != "" {
		parents = append(parents, t.site.Releases)
	}
	link, err := t.findLink()
	if err == nil && link.live != "" && len(t.site.Slots) == 0 {
		parents = append(parents, path.Dir(link.live))
	}
	for _, parent := range parents {
		entries, _ := os.ReadDir(parent) // what cannot be read is not proposed
		for _, e := range entries {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				names = append(names, e.Name())
			}
		}
	}
	for _, slot := range t.site.Slots {
		names = append(names, path.Base(slot))
	}
	return names
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

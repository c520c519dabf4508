package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/gateway/control"
)

// siteOptions say which site is meant, and where the running daemon is asked.
type siteOptions struct {
	controlOptions
	docroot string
}

func (o *siteOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.file, "config", defaultConfigFile, "configuration `FILE`, which has the site")
	cmd.Flags().StringVar(&o.socket, "control", "", "`PATH` of the control socket (wins over the file)")
	cmd.Flags().StringVar(&o.docroot, "docroot", "", "`PATH` of the document root, if the site's is a pattern")
}

// A namedSite is the site that a command was given.
type namedSite struct {
	site     gateway.SiteConfig
	pattern  gateway.SiteConfig   // that the site is one docroot of, or the site
	sites    []gateway.SiteConfig // all of the configuration
	docroot  string
	stateDir string
	at       control.SiteAddress
	// daemon is nil if none runs; alone says why.
	daemon *control.Client
	alone  string
	// fleet says that the configuration has one, and told is what the daemon was told of it; nil if
	// it was told nothing.
	fleet bool
	told  *control.FleetStatus
}

// find reads the site from the file, and looks whether a daemon runs.
func (o *siteOptions) find(ctx context.Context, name string) (*namedSite, error) {
	c, err := conf.Load(o.file)
	if err != nil {
		return nil, err
	}
	t, err := nameSite(c, o.file, name, o.docroot)
	if err != nil {
		return nil, err
	}
	if t.pattern.IsGlob() {
		if err := wantTenant(t.pattern, t.docroot); err != nil {
			return nil, err
		}
	}
	return t, t.reach(ctx, cmp.Or(o.socket, c.Gateway.Control), c.Gateway.User)
}

// nameSite is the site of a file's configuration that a name means, or a name and the docroot
// that was asked for. Nothing need be on disk.
func nameSite(c conf.Config, file, name, asked string) (*namedSite, error) {
	i, docroot, err := gateway.Named(c.Gateway.Sites, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	site := c.Gateway.Sites[i]
	if docroot != "" && asked != "" && path.Clean(asked) != docroot {
		return nil, usageError{fmt.Errorf("%s is the docroot %s: leave --docroot out", name, docroot)}
	}
	t := &namedSite{pattern: site, sites: c.Gateway.Sites, stateDir: c.Gateway.StateDir, fleet: c.Fleet.Configured()}
	if t.docroot, err = site.DocrootOf(cmp.Or(docroot, asked)); err != nil {
		return nil, usageError{fmt.Errorf("--docroot: %w", err)}
	}
	t.at = control.SiteAddress{Site: site.Name}
	if site.IsGlob() {
		t.at.Docroot = t.docroot
	}
	t.site = site.At(t.docroot)
	return t, nil
}

// siteNamed is the site that a name means, or the docroot of a pattern that the name or --docroot
// means.
func (o *siteOptions) siteNamed(sites []gateway.SiteConfig, name string) (gateway.SiteConfig, error) {
	i, docroot, err := gateway.Named(sites, name)
	if err != nil {
		return gateway.SiteConfig{}, err
	}
	if docroot = cmp.Or(docroot, o.docroot); docroot == "" {
		return sites[i], nil
	}
	return sites[i].At(path.Clean(docroot)), nil
}

// reach looks for the daemon. One that runs and does not answer, or does not
// let us in, is an error: what it would have checked must not be left out.
func (t *namedSite) reach(ctx context.Context, socket, user string) error {
	if socket == "" {
		t.alone = "the configuration names no control socket"
		return nil
	}
	daemon := control.NewClient(socket, user)
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	st, err := daemon.Status(ctx)
	if control.IsNotRunning(err) {
		t.alone = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(st.Sites, func(s control.SiteStatus) bool { return s.Name == t.at.Site }) {
		return fmt.Errorf("the realdocd that runs does not know site %q yet: systemctl reload realdocd", t.at.Site)
	}
	t.daemon = daemon
	if st.Fleet != nil && !st.Fleet.Told.IsZero() {
		t.told = st.Fleet
	}
	return nil
}

// seenAs is the release that requests would see with dir behind the link.
func (t *namedSite) seenAs(dir string) string {
	if t.site.Resolve == deploy.Realpath {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return real
		}
	}
	return filepath.Clean(dir)
}

// history is the history of the site as the file has it; nil if none is kept.
func (t *namedSite) history() *deploy.History {
	if t.stateDir == "" {
		return nil
	}
	return deploy.NewHistory(t.stateDir, t.site.HistoryOf())
}

// siteArguments wants a site, and then the others.
func siteArguments(others ...string) cobra.PositionalArgs {
	names := append([]string{"SITE"}, others...)
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s which site? %s status lists them", cmd.Name(), cmd.Parent().CommandPath())
		case len(args) < len(names):
			return fmt.Errorf("%s needs %s too", cmd.Name(), names[len(args)])
		case len(args) > len(names):
			return fmt.Errorf("%s takes %s, got %q too", cmd.Name(), strings.Join(names, " and "), args[len(names)])
		}
		return nil
	}
}

// interruptible ends with the first signal to stop; the second one gets the
// default action.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

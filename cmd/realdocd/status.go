package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

// statusOptions say what is shown, and in which form.
type statusOptions struct {
	siteOptions
	view                         statusView
	asJSON, check, requests, web bool
	every                        time.Duration
}

func newStatus() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status [SITE]",
		Short: "Show what the running gateway does",
		Long: `status asks the running gateway for its pools, their PHP-FPM listeners and its
sites, or for one site: its releases, who is inside them, and which went live
when. What needs somebody comes first: a paused pool, a full queue, a listener
that is down, a site of which no release is known or whose link cannot be told. It exits with 1 only when the
gateway does not answer.

With --watch it shows that again and again, with the requests a second, until q or
Ctrl-C, and goes on while the gateway is restarted. If standard output is not a
terminal, it writes one status after the other; with --json, one object a line.

With --requests it shows what runs now, the longest first. With --check it writes one
line for a monitoring system, and exits as a check of Nagios does: with 0 if all is
well, 1 if somebody should look, 2 if visitors get errors or the gateway does not run,
3 if that cannot be told.

With --web it shows a page in a browser, which is live: requests by release over the last
15 minutes, who is inside, pools and opcache.`,
		Example: `  realdocd status
  realdocd status --watch
  realdocd status shop --watch=5s
  realdocd status --requests --watch
  realdocd status --check
  realdocd status --web
  realdocd status --json`,
		Args: mayNameSite,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.agree(cmd.Flags().Changed("watch")); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.view.asked, o.view.docroot = args[0], o.docroot
			}
			return o.run(cmd, control.SiteAddress{Site: o.view.asked, Docroot: o.docroot})
		},
		ValidArgsFunction: o.completeSite,
	}
	o.flags(cmd)
	return cmd
}

func (o *statusOptions) flags(cmd *cobra.Command) {
	o.siteOptions.flags(cmd)
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "write JSON, as the control API has it")
	o.view.flags(cmd)
	cmd.Flags().BoolVar(&o.check, "check", false, "write one line for a monitoring system, and exit as Nagios has it")
	cmd.Flags().BoolVar(&o.web, "web", false, "show a page in a browser, until Ctrl-C")
	cmd.Flags().BoolVar(&o.requests, "requests", false, "show what runs now, the longest first")
	cmd.Flags().DurationVar(&o.every, "watch", 0, "show it again each `TIME`, as in --watch=2s, until q or Ctrl-C")
	cmd.Flags().Lookup("watch").NoOptDefVal = watchDefault.String()
}

// agree refuses flags that do not go together.
func (o *statusOptions) agree(watching bool) error {
	if o.check && (o.requests || o.asJSON || watching) {
		return errors.New("--check writes one line: it goes with none of --requests, --json and --watch")
	}
	if o.web && (o.check || o.requests || o.asJSON || watching) {
		return errors.New("--web shows a page: it goes with none of --check, --requests, --json and --watch")
	}
	if err := o.view.agree(o.asJSON, o.check || o.requests); err != nil {
		return err
	}
	if watching && o.every < watchLeast {
		return fmt.Errorf("--watch: want a duration of at least %s, such as 2s", watchLeast)
	}
	return nil
}

// run shows a site, or all if at names none.
func (o *statusOptions) run(cmd *cobra.Command, at control.SiteAddress) error {
	if o.check {
		return checkStatus(cmd, &o.siteOptions, at.Site)
	}
	daemon, err := o.client()
	switch {
	case err != nil:
		return err
	case o.web:
		return serveWeb(cmd, daemon, at)
	case o.requests:
		ask := func(ctx context.Context) (control.Requests, error) { return daemon.Requests(ctx, at.Site) }
		return show(cmd, o, ask, writeRequests)
	case at.Site != "":
		ask := func(ctx context.Context) (control.SiteDetail, error) { return daemon.Site(ctx, at) }
		return show(cmd, o, ask, o.view.writeSite)
	}
	return show(cmd, o, daemon.Status, o.view.writeStatus)
}

// show writes an answer of the daemon as JSON, or for people: once, or again and again.
func show[T any](cmd *cobra.Command, o *statusOptions, ask func(context.Context) (T, error), write writer[T]) error {
	if o.every > 0 {
		w := &watch[T]{every: o.every, ask: ask, write: write, view: &o.view}
		return w.run(cmd, o.asJSON)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), answerTimeout)
	defer cancel()
	got, err := ask(ctx)
	if err != nil {
		return err
	}
	if o.asJSON {
		return writeJSON(cmd.OutOrStdout(), got)
	}
	if !wantsColour(cmd.OutOrStdout()) {
		return write(cmd.OutOrStdout(), got, nil, time.Now())
	}
	var out strings.Builder
	if err := write(&out, got, nil, time.Now()); err != nil {
		return err
	}
	_, err = io.WriteString(cmd.OutOrStdout(), inColour(out.String()))
	return err
}

// mayNameSite wants one site, or none; --docroot is of one.
func mayNameSite(cmd *cobra.Command, args []string) error {
	if len(args) == 0 && cmd.Flags().Changed("docroot") {
		return errors.New("--docroot is for a site: name it, or leave --docroot out")
	}
	if len(args) == 0 {
		return nil
	}
	if _, err := time.ParseDuration(args[0]); err == nil && cmd.Flags().Changed("watch") {
		return fmt.Errorf("write --watch=%s, with a =", args[0])
	}
	return siteArguments()(cmd, args)
}

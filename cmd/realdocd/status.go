package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

func newStatus() *cobra.Command {
	var o siteOptions
	var asJSON, check, requests, web bool
	var every time.Duration
	var v statusView
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
			if check && (requests || asJSON || cmd.Flags().Changed("watch")) {
				return usageError{errors.New("--check writes one line: it goes with none of --requests, --json and --watch")}
			}
			if web && (check || requests || asJSON || cmd.Flags().Changed("watch")) {
				return usageError{errors.New("--web shows a page: it goes with none of --check, --requests, --json and --watch")}
			}
			if err := v.check(asJSON, check || requests); err != nil {
				return err
			}
			if cmd.Flags().Changed("watch") && every < watchLeast {
				return usageError{fmt.Errorf("--watch: want a duration of at least %s, such as 2s", watchLeast)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			site := ""
			if len(args) > 0 {
				site = args[0]
			}
			if check {
				return checkStatus(cmd, &o, site)
			}
			daemon, err := o.client()
			if err != nil {
				return err
			}
			if web {
				return serveWeb(cmd, daemon, control.SiteAddress{Site: site, Docroot: o.docroot})
			}
			if requests {
				ask := func(ctx context.Context) (control.Requests, error) { return daemon.Requests(ctx, site) }
				return show(cmd, asJSON, &watch[control.Requests]{every: every, ask: ask, write: writeRequests, view: &v})
			}
			if len(args) > 0 {
				ask := func(ctx context.Context) (control.SiteDetail, error) {
					return daemon.Site(ctx, control.SiteAddress{Site: args[0], Docroot: o.docroot})
				}
				v.asked, v.docroot = args[0], o.docroot
				return show(cmd, asJSON, &watch[control.SiteDetail]{every: every, ask: ask, write: v.writeSite, view: &v})
			}
			return show(cmd, asJSON, &watch[control.Status]{every: every, ask: daemon.Status, write: v.writeStatus, view: &v})
		},
		ValidArgsFunction: o.completeSite,
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON, as the control API has it")
	v.flags(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "write one line for a monitoring system, and exit as Nagios has it")
	cmd.Flags().BoolVar(&web, "web", false, "show a page in a browser, until Ctrl-C")
	cmd.Flags().BoolVar(&requests, "requests", false, "show what runs now, the longest first")
	cmd.Flags().DurationVar(&every, "watch", 0, "show it again each `TIME`, as in --watch=2s, until q or Ctrl-C")
	cmd.Flags().Lookup("watch").NoOptDefVal = watchDefault.String()
	return cmd
}

// show writes an answer of the daemon as JSON, or for people: once, or again and again.
func show[T any](cmd *cobra.Command, asJSON bool, w *watch[T]) error {
	if w.every > 0 {
		return w.run(cmd, asJSON)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), answerTimeout)
	defer cancel()
	got, err := w.ask(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		out := json.NewEncoder(cmd.OutOrStdout())
		out.SetIndent("", "  ")
		return out.Encode(got)
	}
	if !wantsColour(cmd.OutOrStdout()) {
		return w.write(cmd.OutOrStdout(), got, nil, time.Now())
	}
	var out strings.Builder
	if err := w.write(&out, got, nil, time.Now()); err != nil {
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

// writeStatus writes the status for people, with rates if there is one from before.
func (v *statusView) writeStatus(w io.Writer, st control.Status, was *earlier[control.Status], now time.Time) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "realdocd with pid %d, up for %s, %s of web servers\n",
		st.PID, age(now.Sub(st.Started)), count(st.Connections, "connection"))
	if st.MaxConns > 0 {
		running := 0
		for _, p := range st.Pools {
			running += p.Running
		}
		fmt.Fprintf(&out, "all pools together have %d of %d requests in PHP-FPM\n", running, st.MaxConns)
	}
	for _, before := range st.Retiring {
		fmt.Fprintln(&out, plain(retiringLine(before)))
	}
	if st.Page != "" {
		fmt.Fprintln(&out, plain("shown at "+st.Page))
	}
	for _, s := range st.Sites {
		for _, t := range s.Trials {
			fmt.Fprintln(&out, plain("site "+s.Name+", "+path.Base(t.Release)+": "+trialLine(t, now)))
		}
	}
	writeTable(&out, troubles(st, now))
	out.WriteByte('\n')
	pools := v.pools(st.Pools)
	v.writePools(&out, pools, st, was)
	if len(st.Sites) > 0 {
		out.WriteByte('\n')
		v.write(&out, siteRows(v.sites(st.Sites)), "DOCROOT", "POOL")
	}
	if rows := notKept(pools); len(rows) > 0 {
		out.WriteByte('\n')
		writeTable(&out, rows)
	}
	_, err := out.WriteTo(w)
	return err
}

// retiringLine tells of a process that was replaced by an upgrade.
func retiringLine(r control.RetiringStatus) string {
	if r.Error != "" {
		return fmt.Sprintf("the process with pid %d, which it has replaced, does not answer: %s", r.PID, r.Error)
	}
	return fmt.Sprintf("the process with pid %d, which it has replaced, finishes %s", r.PID, count(r.Connections, "request"))
}

// troubles are what needs somebody, as rows.
func troubles(st control.Status, now time.Time) (rows []row) {
	for _, t := range st.Troubles(now) {
		rows = append(rows, row{t.Word, t.Text})
	}
	return rows
}

func longestWait(p control.PoolStatus) string {
	return age(time.Duration(p.LongestWait * float64(time.Second)))
}

func age(d time.Duration) string { return control.Age(d) }

func count(n int, noun string) string { return control.Count(n, noun) }

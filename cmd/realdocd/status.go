package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway"
	"realdocd/gateway/control"
)

func newStatus() *cobra.Command {
	var o siteOptions
	var asJSON bool
	var every time.Duration
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
terminal, it writes one status after the other; with --json, one object a line.`,
		Example: `  realdocd status
  realdocd status --watch
  realdocd status shop --watch=5s
  realdocd status --json`,
		Args: mayNameSite,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("watch") && every < watchLeast {
				return usageError{fmt.Errorf("--watch: want a duration of at least %s, such as 2s", watchLeast)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			daemon, err := o.client()
			if err != nil {
				return err
			}
			if len(args) > 0 {
				ask := func(ctx context.Context) (control.SiteDetail, error) {
					return daemon.Site(ctx, control.SiteAddress{Site: args[0], Docroot: o.docroot})
				}
				return show(cmd, asJSON, &watch[control.SiteDetail]{every: every, ask: ask, write: writeSite})
			}
			return show(cmd, asJSON, &watch[control.Status]{every: every, ask: daemon.Status, write: writeStatus})
		},
		ValidArgsFunction: o.completeSite,
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON, as the control API has it")
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
	return w.write(cmd.OutOrStdout(), got, nil, time.Now())
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
func writeStatus(w io.Writer, st control.Status, was *earlier[control.Status], now time.Time) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "realdocd with pid %d, up for %s, %s of web servers\n",
		st.PID, age(now.Sub(st.Started)), count(st.Connections, "connection"))
	for _, before := range st.Retiring {
		fmt.Fprintln(&out, plain(retiringLine(before)))
	}
	writeTable(&out, troubles(st, now))
	out.WriteByte('\n')
	writeTable(&out, addPoolRates(poolRows(st.Pools), st, was))
	if len(st.Sites) > 0 {
		out.WriteByte('\n')
		writeTable(&out, siteRows(st.Sites))
	}
	if rows := notKept(st.Pools); len(rows) > 0 {
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

// troubles are what needs somebody, in the order of the tables.
func troubles(st control.Status, now time.Time) (rows []row) {
	add := func(what, format string, args ...any) { rows = append(rows, row{what, fmt.Sprintf(format, args...)}) }
	for _, p := range st.Pools {
		if p.Paused {
			add("PAUSED", "pool %s: %d run, %s; end it with: realdocd resume %[1]s", p.Name, p.Running, waiting(p))
		}
		if isFull(p) {
			add("FULL", "pool %s: %s; one more is refused with 503", p.Name, waiting(p))
		}
		for _, s := range p.Servers {
			if !s.Up {
				add("DOWN", "%s of pool %s%s: %s", s.Address, p.Name, since(s.Since, now), cmp.Or(s.Error, "no reason is known"))
			}
		}
	}
	for _, s := range st.Sites {
		for _, m := range s.Maintenance {
			add("CLOSED", "%s", maintained(s, m, now))
		}
		if s.Holds > 0 {
			add("HELD", "site %s: a flip with a command has %s wait", s.Name, count(int(s.Held), "request"))
		}
		switch {
		case s.Gone:
			add("GONE", "site %s: its live release was removed, and requests fail: %s; realdocd rollback %[1]s, or flip to another", s.Name, s.Stale)
		case s.Stale != "":
			add("STALE", "site %s: the last good release serves, since its link cannot be resolved: %s; realdocd flip %[1]s RELEASE puts it right", s.Name, s.Stale)
		}
		if s.Release == "" && !(gateway.SiteConfig{Docroot: s.Docroot}).IsGlob() {
			add("LOST", "site %s: no release is known for %s; realdocd check says why", s.Name, s.Docroot)
		}
		if s.Fault != "" {
			add("LINK", "site %s: %s", s.Name, s.Fault)
		}
	}
	return rows
}

func waiting(p control.PoolStatus) string {
	if p.Waiting == 0 {
		return fmt.Sprintf("0 of %d wait", p.Queue)
	}
	return fmt.Sprintf("%d of %d wait, the first for %s", p.Waiting, p.Queue, longestWait(p))
}

func longestWait(p control.PoolStatus) string {
	return age(time.Duration(p.LongestWait * float64(time.Second)))
}

// isFull says whether the next request that needs a place is refused.
func isFull(p control.PoolStatus) bool {
	noPlace := p.Paused || p.MaxConns > 0 && p.Running >= p.MaxConns
	return noPlace && p.Waiting >= p.Queue
}

// since is a time as the log has it, and how long ago that is.
func since(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf(" since %s (%s)", t.Local().Format(listTime), age(now.Sub(t)))
}

// age is a duration in two units at most.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", max(d, 0).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}

// count is a number of things, such as "1 site" or "2 sites".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway"
	"realdocd/gateway/control"
)

// A level is an exit code of a check of Nagios and its kin
// (https://nagios-plugins.org/doc/guidelines.html).
type level int

const (
	levelOK level = iota
	levelWarning
	levelCritical
	levelUnknown
)

func (l level) String() string {
	return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[l]
}

// A verdict is what a check has found.
type verdict struct {
	level level
	texts []string
}

// find notes what is wrong. The worst of all is the verdict's level.
func (v *verdict) find(l level, format string, args ...any) {
	v.level = max(v.level, l)
	v.texts = append(v.texts, fmt.Sprintf(format, args...))
}

// checkStatus writes one line for a monitoring system, and exits with its code. Whatever
// keeps it from an answer is UNKNOWN, but a gateway that does not run is CRITICAL.
func checkStatus(cmd *cobra.Command, o *siteOptions, site string) error {
	client, err := o.client()
	if err != nil {
		return sayVerdict(cmd, levelUnknown, err.Error(), "")
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), answerTimeout)
	defer cancel()
	st, err := client.Status(ctx)
	if err == nil && site != "" {
		st, err = onlySite(ctx, client, st, site)
	}
	switch {
	case control.IsNotRunning(err):
		return sayVerdict(cmd, levelCritical, err.Error(), "")
	case err != nil:
		return sayVerdict(cmd, levelUnknown, err.Error(), "")
	}
	ready, err := client.Ready(ctx, "")
	if err != nil {
		return sayVerdict(cmd, levelUnknown, err.Error(), "")
	}
	v := judge(st, ready)
	if len(v.texts) == 0 {
		v.texts = []string{fmt.Sprintf("%s, %s", control.Count(len(st.Pools), "pool"), control.Count(len(st.Sites), "site"))}
	}
	return sayVerdict(cmd, v.level, strings.Join(v.texts, "; "), perfdata(st))
}

// onlySite leaves of a status one site and its pools, or one docroot of a pattern.
func onlySite(ctx context.Context, client *control.Client, st control.Status, name string) (control.Status, error) {
	at, docroot, err := gateway.Named(configOf(st.Sites), name)
	if err != nil {
		return st, err
	}
	site := st.Sites[at]
	if docroot != "" {
		d, err := client.Site(ctx, control.SiteAddress{Site: site.Name, Docroot: docroot})
		if err != nil {
			return st, err
		}
		site = asSite(name, d)
	}
	uses := gateway.SiteConfig{Pool: site.Pool}
	st.Sites = []control.SiteStatus{site}
	st.Pools = slices.DeleteFunc(st.Pools, func(p control.PoolStatus) bool { return !uses.UsesPool(p.Name) })
	return st, nil
}

// asSite is the only docroot of an answer as if it were a site.
func asSite(name string, d control.SiteDetail) control.SiteStatus {
	st := control.SiteStatus{Name: name, Docroot: d.Docroot, Pool: d.Pool, Maintenance: d.Maintenance}
	for _, one := range d.Docroots {
		st.Docroot, st.Pool, st.Stale, st.Gone = one.Docroot, one.Pool, one.Stale, one.Gone
		for _, r := range one.Releases {
			st.Running += r.Running
			if r.Live {
				st.Release = r.Path
			}
		}
	}
	return st
}

// judge says what is wrong: CRITICAL if visitors get errors, or would, WARNING if
// somebody should look.
func judge(st control.Status, ready control.Readiness) *verdict {
	v := &verdict{}
	notReady := map[string]string{}
	for _, c := range ready.Checks {
		if name, ofPool := strings.CutPrefix(c.Name, "pool "); ofPool && !c.OK {
			notReady[name] = c.Why
		} else if !c.OK && c.Name == "fleet" && st.Fleet != nil && !st.Fleet.Refused() {
			v.find(levelWarning, "fleet: %s", strings.ReplaceAll(c.Why, "\n", "; "))
		} else if !c.OK {
			v.find(levelCritical, "%s: %s", c.Name, strings.ReplaceAll(c.Why, "\n", "; "))
		}
	}
	if f := st.Fleet; f != nil && f.Silent > 0 {
		v.find(levelWarning, "fleet: the agent is silent for %s: systemctl status realdocd-fleet", control.Age(time.Duration(f.Silent)))
	} else if f != nil && f.StoreError != "" {
		v.find(levelWarning, "fleet: etcd does not answer: %s", f.StoreError)
	}
	for _, p := range st.Pools {
		v.judgePool(p, notReady[p.Name])
	}
	for _, s := range st.Sites {
		v.judgeSite(s)
	}
	for _, r := range st.Retiring {
		if r.Error != "" {
			v.find(levelWarning, "%s", retiringLine(r))
		}
	}
	return v
}

func (v *verdict) judgePool(p control.PoolStatus, notReady string) {
	switch {
	case p.Paused:
		v.find(levelWarning, "pool %s is paused, %s", p.Name, p.Queued())
	case notReady != "":
		v.find(levelCritical, "pool %s: %s", p.Name, notReady)
	default:
		for _, s := range p.Servers {
			if !s.Up {
				v.find(levelWarning, "pool %s: %s is down: %s", p.Name, s.Address, s.Error)
			}
		}
	}
	switch {
	case p.IsFull():
		v.find(levelCritical, "pool %s is full: %s", p.Name, p.Queued())
	case p.Waiting > 0 && !p.Paused && p.Waiting >= p.Queue/2:
		v.find(levelWarning, "the queue of pool %s is half full: %s", p.Name, p.Queued())
	}
}

func (v *verdict) judgeSite(s control.SiteStatus) {
	switch {
	case s.Gone:
		v.find(levelCritical, "site %s: its live release was removed", s.Name)
	case s.Release == "" && !(gateway.SiteConfig{Docroot: s.Docroot}).IsGlob():
		v.find(levelCritical, "site %s: no release is known for %s", s.Name, s.Docroot)
	case s.Stale != "":
		v.find(levelWarning, "site %s: the last good release serves: %s", s.Name, s.Stale)
	}
	if s.Fault != "" {
		v.find(levelWarning, "site %s: %s", s.Name, s.Fault)
	}
}

// perfdata has the figures of the pools, as 'label'=value[unit];warn;crit;min;max.
func perfdata(st control.Status) string {
	var out []string
	add := func(pool, what, format string, args ...any) {
		label := strings.NewReplacer("'", "''", "=", "_").Replace(plain(pool + "_" + what))
		out = append(out, fmt.Sprintf("'%s'=", label)+fmt.Sprintf(format, args...))
	}
	for _, p := range st.Pools {
		most := ""
		if p.MaxConns > 0 {
			most = fmt.Sprint(p.MaxConns)
		}
		add(p.Name, "running", "%d;;;0;%s", p.Running, most)
		add(p.Name, "waiting", "%d;%d;%d;0;%d", p.Waiting, p.Queue/2, p.Queue, p.Queue)
		add(p.Name, "longest_wait", "%.3fs;;;0;", p.LongestWait)
		add(p.Name, "requests", "%dc", p.Requests)
		add(p.Name, "refused", "%dc", p.Refused)
	}
	return strings.Join(out, " ")
}

// sayVerdict writes the line. A "|" in it would begin the figures.
func sayVerdict(cmd *cobra.Command, l level, text, figures string) error {
	line := fmt.Sprintf("REALDOCD %s - %s", l, strings.NewReplacer("|", "/", "\n", "; ").Replace(plain(strings.TrimSpace(text))))
	if figures != "" {
		line += " | " + figures
	}
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
		return exitCode(levelUnknown)
	}
	if l == levelOK {
		return nil
	}
	return exitCode(l)
}

package control

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// A Trouble is something that needs somebody.
type Trouble struct {
	Word string // such as "DOWN"
	Text string // what it is about, why, and what to do
}

// Troubles are what needs somebody: first of the process, then of its fleet, then of pools, then of sites, in
// their order.
func (st Status) Troubles(now time.Time) (all []Trouble) {
	if st.Unheld {
		all = append(all, Trouble{"SOCKET", "systemd holds no socket for realdocd, so that requests fail while it is restarted: systemctl enable --now realdocd.socket; systemctl restart realdocd"})
	}
	if running, waiting := st.inPHP(); st.MaxConns > 0 && running >= st.MaxConns && waiting > 0 {
		all = append(all, trouble("FULL", "all pools together have max_conns (%d) requests in PHP-FPM, and %d wait: realdocd status --sort=running shows whose they are", st.MaxConns, waiting))
	}
	all = append(all, st.Fleet.troubles(now)...)
	for _, p := range st.Pools {
		all = append(all, p.troubles(now)...)
	}
	for _, s := range st.Sites {
		all = append(all, s.troubles(now)...)
	}
	return all
}

// inPHP counts the requests that have a place in PHP-FPM, and those that wait for one.
func (st Status) inPHP() (running, waiting int) {
	for _, p := range st.Pools {
		running, waiting = running+p.Running, waiting+p.Waiting
	}
	return running, waiting
}

func trouble(word, format string, args ...any) Trouble {
	return Trouble{word, fmt.Sprintf(format, args...)}
}

func (p PoolStatus) troubles(now time.Time) (all []Trouble) {
	if p.Paused {
		all = append(all, trouble("PAUSED", "pool %s: %d run, %s; end it with: realdocd resume %[1]s", p.Name, p.Running, p.Queued()))
	}
	if p.IsFull() {
		all = append(all, trouble("FULL", "pool %s: %s; one more is refused with 503", p.Name, p.Queued()))
	}
	for _, s := range p.Servers {
		if !s.Up {
			all = append(all, trouble("DOWN", "%s of pool %s%s: %s", s.Address, p.Name, Since(s.Since, now), cmp.Or(s.Error, "no reason is known")))
		}
	}
	return all
}

// Queued says how many requests wait, and for how long.
func (p PoolStatus) Queued() string {
	if p.Waiting == 0 {
		return fmt.Sprintf("0 of %d wait", p.Queue)
	}
	return fmt.Sprintf("%d of %d wait, the first for %s", p.Waiting, p.Queue, Age(time.Duration(p.LongestWait*float64(time.Second))))
}

// IsFull says whether the next request that needs a place is refused.
func (p PoolStatus) IsFull() bool {
	noPlace := p.Paused || p.MaxConns > 0 && p.Running >= p.MaxConns
	return noPlace && p.Waiting >= p.Queue
}

func (s SiteStatus) troubles(now time.Time) (all []Trouble) {
	for _, m := range s.Maintenance {
		all = append(all, Trouble{"CLOSED", s.Closed(m, now)})
	}
	if s.Holds > 0 {
		all = append(all, trouble("HELD", "site %s: a flip with a command has %s wait", s.Name, Count(int(s.Held), "request")))
	}
	switch {
	case s.Gone:
		all = append(all, trouble("GONE", "site %s: its live release was removed, and requests fail: %s; realdocd rollback %[1]s, or flip to another", s.Name, s.Stale))
	case s.Stale != "":
		all = append(all, trouble("STALE", "site %s: the last good release serves, since its link cannot be resolved: %s; realdocd flip %[1]s RELEASE puts it right", s.Name, s.Stale))
	}
	if s.Release == "" && !s.isPattern() {
		all = append(all, trouble("LOST", "site %s: no release is known for %s; realdocd check says why", s.Name, s.Docroot))
	}
	if s.Fault != "" {
		all = append(all, trouble("LINK", "site %s: %s", s.Name, s.Fault))
	}
	return all
}

// isPattern says whether the site stands for many docroots: each has a release of its own.
func (s SiteStatus) isPattern() bool { return strings.ContainsAny(s.Docroot, `*?[\`) }

// Closed says of a maintenance what an operator wants to know.
func (s SiteStatus) Closed(m Maintenance, now time.Time) string {
	text := "site " + s.Name
	if m.Docroot != "" {
		text += ", docroot " + m.Docroot
	}
	text += ": visitors get a page of maintenance" + Since(m.Since, now)
	switch {
	case m.Until.IsZero():
	case m.Until.After(now):
		text += ", and are told to come again in " + Age(m.Until.Sub(now))
	default:
		text += ", which was to end " + Age(now.Sub(m.Until)) + " ago"
	}
	if len(m.Allow) > 0 {
		text += fmt.Sprintf("; %s may see the site", Count(len(m.Allow), "network"))
	}
	return text + "; end it with: realdocd maintenance off " + s.Name
}

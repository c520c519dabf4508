package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A View is what a group is like: its hosts, and what each of them has of each site.
type View struct {
	Hosts []HostView `json:"hosts"`
	Sites []SiteView `json:"sites"`
}

// A HostView is a member.
type HostView struct {
	Member
	Present bool `json:"present"`
	// Presence is what its agent says; zero if it is absent.
	Presence Presence `json:"presence,omitzero"`
	// Seen is when the agent was there last, at least; zero if it has never said so.
	Seen time.Time `json:"seen,omitzero"`
	// Wrong is what an operator should do something about; "" is nothing.
	Wrong string `json:"wrong,omitempty"`
}

// A SiteView is a site that hosts have, or that something is committed for.
type SiteView struct {
	Site string `json:"site"`
	// Commit is nil if nothing is committed: then each host serves what it has.
	Commit   *Commit    `json:"commit,omitempty"`
	Proposal *Proposal  `json:"proposal,omitempty"`
	Hosts    []SiteHost `json:"hosts"`
}

// A SiteHost is where a host stands with a site.
type SiteHost struct {
	Host string `json:"host"`
	// State is that of its Have; "absent" if its agent is, and "no such site" if it has none of
	// that name.
	State State  `json:"state"`
	Live  string `json:"live,omitempty"`
	Why   string `json:"why,omitempty"`
	Seq   int64  `json:"seq,omitempty"`
	// Ahead says that the host has gone by a commit that the store does not know any more.
	Ahead bool `json:"ahead,omitempty"`
	// Releases are those that it has, by name.
	Releases []Release `json:"releases,omitempty"`
}

// States that a view has beside those of a host.
const (
	Absent State = "absent"
	NoSite State = "no such site"
)

// View looks at the group, or at one site of it if that is not "".
func (c *Commander) View(ctx context.Context, site string) (View, error) {
	haves, commits, flips := c.Keys.HaveAll(), c.Keys.Sites(), c.Keys.Flips()
	if site != "" {
		haves, commits, flips = c.Keys.HaveOf(site), c.Keys.Site(site), c.Keys.Flip(site)
	}
	var k viewKeys
	for _, read := range []struct {
		prefix string
		kvs    *[]seenKV
	}{ // commits after what hosts have gone by, or one that comes between would look like one that was lost
		{c.Keys.Members(), &k.members}, {c.Keys.SeenAll(), &k.seen}, {c.Keys.Hosts(), &k.hosts}, {haves, &k.haves}, {commits, &k.commits}, {flips, &k.flips},
	} {
		var err error
		if *read.kvs, err = c.get(ctx, read.prefix); err != nil {
			return View{}, err
		}
	}
	return viewOf(site, k)
}

// viewKeys are what a view is made of.
type viewKeys struct{ members, seen, hosts, haves, commits, flips []seenKV }

// viewOf makes the view. site is "" for all.
func viewOf(site string, k viewKeys) (View, error) {
	members, err := byHost[Member](k.members)
	if err != nil {
		return View{}, err
	}
	last, err := byHost[time.Time](k.seen)
	if err != nil {
		return View{}, err
	}
	hosts, err := byHost[Presence](k.hosts)
	if err != nil {
		return View{}, err
	}
	commits, err := byHost[Commit](k.commits) // by site
	if err != nil {
		return View{}, err
	}
	flips, err := byHost[Proposal](k.flips)
	if err != nil {
		return View{}, err
	}
	has := map[string]map[string]Have{}
	for _, kv := range k.haves {
		h, err := decode[Have](kv.KV)
		if err != nil {
			return View{}, err
		}
		name := siteOf(kv.Key)
		if has[name] == nil {
			has[name] = map[string]Have{}
		}
		has[name][Last(kv.Key)] = h
	}
	for name := range commits {
		if has[name] == nil && (site == "" || name == site) {
			has[name] = map[string]Have{}
		}
	}
	view := View{Hosts: hostViews(members, hosts, last), Sites: []SiteView{}}
	for _, name := range sorted(has) {
		s := SiteView{Site: name}
		if commit, ok := commits[name]; ok && commit.Release != "" {
			s.Commit = &commit
		}
		if p, ok := flips[name]; ok {
			s.Proposal = &p
		}
		for _, host := range view.Hosts {
			s.Hosts = append(s.Hosts, siteHost(host, has[name], s.Commit, commits[name].Seq))
		}
		view.Sites = append(view.Sites, s)
	}
	return view, nil
}

// siteOf is the site of a key have/SITE/HOST.
func siteOf(key string) string {
	return Last(key[:len(key)-len(lastEscaped(key))-1])
}

func hostViews(members map[string]Member, hosts map[string]Presence, last map[string]time.Time) []HostView {
	version := ofMost(hosts, func(p Presence) string { return p.Version })
	views := []HostView{}
	for _, name := range sorted(members) {
		p, present := hosts[name]
		v := HostView{Member: members[name], Present: present, Presence: p, Seen: last[name]}
		switch {
		case !present:
			v.Wrong = candidate{host: name, lost: members[name].Lost, seen: last[name]}.absence()
		case p.Daemon != "":
			v.Wrong = p.Daemon
		case p.Version != version:
			v.Wrong = fmt.Sprintf("it has realdocd %s, and most hosts have %s", p.Version, version)
		}
		views = append(views, v)
	}
	return views
}

// ofMost is the value that most hosts have.
func ofMost(hosts map[string]Presence, of func(Presence) string) (value string) {
	counts := map[string]int{}
	for _, p := range hosts {
		counts[of(p)]++
	}
	for _, v := range sorted(counts) {
		if counts[v] > counts[value] {
			value = v
		}
	}
	return value
}

// siteHost is where a host stands. last is the number of the last commit that the store knows, of a site that was
// forgotten too.
func siteHost(host HostView, has map[string]Have, commit *Commit, last int64) SiteHost {
	h, there := has[host.Host]
	s := SiteHost{Host: host.Host, State: h.State, Live: h.Live, Why: h.Why, Seq: h.Seq, Releases: h.Releases}
	switch {
	case !host.Present:
		return SiteHost{Host: host.Host, State: Absent, Why: host.Wrong}
	case !there:
		return SiteHost{Host: host.Host, State: NoSite, Why: "its realdocd.toml has no such site, or it has no link: add it there, and reload realdocd and realdocd-fleet"}
	case commit != nil && h.State == InStep && h.Seq < commit.Seq:
		s.Why = fmt.Sprintf("it has not gone by commit %d yet", commit.Seq)
	case h.Seq > last:
		s.Ahead = true
		s.Why = fmt.Sprintf("it has gone by commit %d, which etcd does not know: etcd was restored from a backup, or made anew; flip to what is to be served", h.Seq)
	}
	return s
}

// OK says whether all hosts of a site have what is committed, and serve it.
func (s SiteView) OK() bool {
	return !slices.ContainsFunc(s.Hosts, func(h SiteHost) bool {
		return h.State != InStep || s.Commit != nil && h.Seq < s.Commit.Seq || h.Ahead
	})
}

// InProgress says how long a flip of the site has gone on; 0 if none does.
func (s SiteView) InProgress(now time.Time) time.Duration {
	if s.Proposal == nil {
		return 0
	}
	return now.Sub(s.Proposal.Began)
}

// lastEscaped is the last component of a key as it stands there.
func lastEscaped(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

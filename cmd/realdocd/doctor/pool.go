package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// checkConfiguration looks at what FPM's own configuration says.
func (s *server) checkConfiguration() {
	if s.own == nil {
		s.found(kindFPMConfigurationUnknown, "FPM's configuration was not found, or may not be read: process_control_timeout, request_terminate_timeout and pm.max_children were not looked at.", "")
		return
	}
	own := s.own
	s.found(kindFPMConfiguration, fmt.Sprintf("%s has pool %s: pm = %s, pm.max_children = %s, pm.max_requests = %d, request_terminate_timeout = %s.",
		s.conf.File, own.Name, own.Get("pm").Value, own.Get("pm.max_children").Value, own.Number("pm.max_requests"), own.Duration("request_terminate_timeout")), "")
	if dir := own.Get("chroot"); dir.Value != "" {
		s.found(kindFPMChroot, fmt.Sprintf("FPM's pool has chroot = %s (%s): it looks for the paths that realdocd sends below that directory.", dir.Value, dir.At),
			"Take it out, or have the releases below it by the same paths.")
	}
	if s.conf.Global.Duration("process_control_timeout") == 0 {
		s.found(kindProcessControlTimeout, fmt.Sprintf("process_control_timeout is 0 in [global] of %s: a reload or restart of FPM cuts off the requests that run.", s.conf.File),
			"Set it to 30s, or pause each of its pools around that: realdocd pause POOL --drain.")
	}
	s.checkTerminateTimeout()
	s.checkFPMPaths()
	s.checkMastersOwn()
}

// checkTerminateTimeout sees who is first to end a script that takes too long. If it
// is FPM, a visitor gets a 502 that no log of realdocd explains.
func (s *server) checkTerminateTimeout() {
	terminate := s.own.Duration("request_terminate_timeout")
	key, ours := "request_timeout", s.pool.RequestTimeout
	if ours == 0 {
		key, ours = "read_timeout", s.pool.ReadTimeout
	}
	if terminate > 0 && ours > 0 && terminate <= ours {
		s.found(kindTerminateTimeout, fmt.Sprintf("FPM kills a script after request_terminate_timeout = %s (%s), before realdocd's %s = %s: visitors get a 502 for a timeout.", terminate, s.own.Get("request_terminate_timeout").At, key, ours),
			fmt.Sprintf("Make request_terminate_timeout longer than %s.", key))
	}
}

// checkPools looks at each pool as a whole.
func (x *examination) checkPools() {
	for _, c := range x.config.Pools {
		page := x.checkStatusListener(c)
		x.checkPlaces(c, page)
	}
}

// checkStatusListener asks FPM's status listener. It gives nil without an answer.
func (x *examination) checkStatusListener(c fpm.Config) *fpm.Page {
	subject := Subject{Pool: c.Name}
	if c.StatusServer == "" {
		x.add(kindStatusNone, subject, "The pool has no status: what runs after fastcgi_finish_request cannot be told, so that drain does not wait for it.",
			"Set pm.status_listen and pm.status_path in FPM's pool, and status here.")
		return nil
	}
	subject.Server = string(c.StatusServer)
	ctx, cancel := context.WithTimeout(x.ctx, probeTimeout)
	defer cancel()
	page, err := fpm.AskPage(ctx, c.StatusServer, c.StatusPath)
	if err != nil {
		x.add(kindStatusSilent, subject, fmt.Sprintf("FPM's status listener does not answer, so that no drain ends: %v.", err),
			"Make status and status_path FPM's pm.status_listen and pm.status_path.")
		return nil
	}
	if name := x.poolNameIn(c); name != "" && name != page.Pool {
		x.add(kindStatusOtherPool, subject, fmt.Sprintf("The status listener tells of FPM's pool %s, and the requests run in %s: a drain ends while they run.", page.Pool, name),
			"Make status the pm.status_listen of the same pool.")
		return nil
	}
	x.add(kindStatus, subject, fmt.Sprintf("The status listener tells of pool %s, %s, with %d workers.", page.Pool, page.Manager, page.Total), "")
	return &page
}

// poolNameIn is what FPM calls the pool, by its configuration or by the title of its
// workers; "" if the pool has several listeners, or none of them could be asked.
func (x *examination) poolNameIn(c fpm.Config) string {
	if len(c.Servers) != 1 {
		return ""
	}
	for _, s := range x.servers {
		switch {
		case s.pool.Name != c.Name:
		case s.own != nil:
			return s.own.Name
		case s.answer != nil:
			name, _ := strings.CutPrefix(s.answer.Title, "php-fpm: pool ")
			return name
		}
	}
	return ""
}

// checkPlaces compares max_conns with FPM's workers. More requests than workers wait in
// FPM's backlog, which no limit of realdocd counts, and there a visitor who leaves
// costs a worker all the same.
func (x *examination) checkPlaces(c fpm.Config, page *fpm.Page) {
	subject := Subject{Pool: c.Name}
	children, known := x.children(c, page)
	switch {
	case c.MaxConns == fpm.Auto && known:
		return
	case c.MaxConns == fpm.Auto:
		x.add(kindMaxConnsUnknown, subject, `max_conns = "auto" finds out by trying how many requests FPM can run at once, or sets no limit: FPM's configuration may not be read.`,
			"Set max_conns to FPM's pm.max_children, or let realdocd's user read FPM's configuration.")
		return
	case c.MaxConns == 0:
		if page != nil && page.Reached > 0 {
			x.add(kindChildrenExhausted, subject, fmt.Sprintf("FPM has needed all of its pm.max_children %d times since its start, and max_conns = 0 lets requests wait in its backlog.", page.Reached),
				`Take max_conns = "auto", or pm.max_children, so that they wait in realdocd's queue, in turn.`)
			return
		}
		x.add(kindMaxConnsNone, subject, "max_conns = 0: when all workers of FPM are busy, requests wait in its backlog and not in realdocd's queue.",
			`Take max_conns = "auto", or FPM's pm.max_children.`)
		return
	}
	if !known {
		x.add(kindChildrenUnknown, subject, "How many workers FPM may have cannot be told: its configuration may not be read, and pm is not static.",
			"Run check as root.")
		return
	}
	sum, sharing := x.sharing(c)
	if sum > children {
		what := fmt.Sprintf("max_conns = %d, and FPM runs at most %d requests at once (pm.max_children)", c.MaxConns, children)
		if len(sharing) > 1 {
			what = fmt.Sprintf("The pools %s share FPM's listener with %d places in all, and FPM runs at most %d requests at once (pm.max_children)", strings.Join(sharing, ", "), sum, children)
		}
		x.add(kindMaxConnsAboveChildren, subject, what+": the rest waits in FPM's backlog.",
			fmt.Sprintf("Set max_conns to %d, or raise pm.max_children.", max(1, children*c.MaxConns/sum)))
	}
}

// sharing are the pools that have a listener in common with one, and the sum of
// their places. A pool is in it once, whatever the number of its listeners.
func (x *examination) sharing(c fpm.Config) (sum int, names []string) {
	for _, other := range x.config.Pools {
		if other.Name == c.Name || slices.ContainsFunc(other.Servers, func(addr sock.Addr) bool { return slices.Contains(c.Servers, addr) }) {
			sum, names = sum+max(0, other.MaxConns), append(names, other.Name)
		}
	}
	return sum, names
}

// children is how many requests all listeners of a pool run at once. It is not known
// unless it is known of each listener.
func (x *examination) children(c fpm.Config, page *fpm.Page) (sum int, known bool) {
	for _, addr := range c.Servers {
		i := slices.IndexFunc(x.servers, func(s *server) bool { return s.addr == addr && s.pool.Name == c.Name })
		if i < 0 {
			return 0, false
		}
		n := 0
		if own := x.servers[i].own; own != nil {
			n = own.Number("pm.max_children")
		}
		if n == 0 && page != nil && page.Manager == "static" && len(c.Servers) == 1 {
			n = page.Total
		}
		if n == 0 {
			return 0, false
		}
		sum += n
	}
	return sum, true
}

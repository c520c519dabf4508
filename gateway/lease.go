package gateway

import (
	"maps"

	"realdocd/gateway/handover"
)

// While a daemon and its successor run side by side, the successor shares out
// the places of a pool. The older one has a lease on those that its requests
// hold at the handover, gives each back when the request ends, and is granted
// more for requests that have begun there and want a place yet. The successor
// counts the older one's places as taken, and serves its requests first, since
// they came first.
//
// Counts are cumulative, so late or reordered messages are harmless.

// A poolReport is what a daemon tells its successor of a pool.
type poolReport = handover.PoolReport

// A lease is an older daemon's part of a pool, as it knows it.
type lease struct {
	granted, released int
	last              poolReport
	report            func(poolReport) // does not wait
}

func (l *lease) held() int { return l.granted - l.released }

// handOver makes the pool one that a successor shares out, and says what it has. No
// connection to FPM is kept from now on.
func (p *pool) handOver(report func(poolReport)) {
	p.mu.Lock()
	p.lease = &lease{granted: p.running, report: report}
	idle := p.takeAllKept()
	p.tell()
	p.mu.Unlock()
	closeAll(idle)
}

// takeBack makes the pool its own again: the successor has gone.
func (p *pool) takeBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lease = nil
	p.regrant()
}

// granted takes places that the successor has granted.
func (p *pool) granted(all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lease == nil {
		return
	}
	p.lease.granted = max(p.lease.granted, all)
	p.regrant()
}

// settle gives back the places of the lease that nobody needs, and tells the
// successor what has changed. The mutex is held.
func (p *pool) settle() {
	if p.lease == nil {
		return
	}
	if unused := p.lease.held() - p.running; unused > 0 {
		p.lease.released += unused
	}
	p.tell()
}

func (p *pool) tell() {
	l := p.lease
	r := poolReport{
		Name: p.name, Granted: l.granted, Released: l.released, Paused: p.paused,
		Waiting: p.queue.len + p.tenant.wants(), Servers: map[string]int{},
	}
	for _, s := range p.servers {
		r.Servers[s.addr] = s.busy()
	}
	if r.Granted == l.last.Granted && r.Released == l.last.Released && r.Waiting == l.last.Waiting &&
		maps.Equal(r.Servers, l.last.Servers) {
		return
	}
	l.last = r
	l.report(r)
}

// A tenant is an older daemon's part of a pool, as the successor knows it.
type tenant struct {
	granted  int        // places given
	report   poolReport // the newest
	grantAll func(all int)
}

func (t *tenant) held() int { return t.granted - t.report.Released }

// wants is how many requests wait there for which no place is under way.
func (t *tenant) wants() int {
	if t == nil {
		return 0
	}
	return max(0, t.report.Waiting-(t.granted-t.report.Granted))
}

// letTo takes an older daemon's requests in. grant tells it how many places it
// has been given, and does not wait.
func (p *pool) letTo(r poolReport, grant func(all int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = r.Paused
	p.tenant = &tenant{granted: r.Granted, report: r, grantAll: grant}
	p.running += p.tenant.held()
	p.noteTenant()
}

// tenantReports takes what the older daemon says of its part.
func (p *pool) tenantReports(r poolReport) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tenant
	if t == nil {
		return
	}
	before := t.held()
	t.report = r
	p.noteTenant()
	p.freed(before - t.held())
	p.regrant()
}

// evict ends the part of an older daemon that has ended.
func (p *pool) evict() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tenant == nil {
		return
	}
	p.freed(p.tenant.held())
	p.tenant = nil
	p.noteTenant()
	p.regrant()
}

// freed counts places that are not taken any more. Those of a lease are the
// successor's to give, also where somebody waits here. The mutex is held.
func (p *pool) freed(places int) {
	p.running -= places
	if p.lease != nil {
		p.lease.released += places
	}
}

func (p *pool) noteTenant() {
	for _, s := range p.servers {
		s.tenants = 0
		if p.tenant != nil {
			s.tenants = p.tenant.report.Servers[s.addr]
		}
	}
}

// regrant gives places that have become free to those who wait, and tells who
// waits for none to be taken. The mutex is held.
func (p *pool) regrant() {
	p.grant()
	p.settle()
	if p.running == 0 && p.drained != nil {
		close(p.drained)
		p.drained = nil
	}
}

// grantTenant gives the older daemon a place, if it wants one. The mutex is held.
func (p *pool) grantTenant() bool {
	t := p.tenant
	if t.wants() == 0 {
		return false
	}
	p.running++
	t.granted++
	t.grantAll(t.granted)
	return true
}

package fpm

import (
	"maps"
)

// While a daemon and its successor run side by side, the successor shares out the places
// of a pool. At the handover the older daemon has a lease on the places that its requests
// hold. It gives each back when the request ends, and is given more for requests that have
// begun there and have no place yet. The successor counts the older one's places as taken,
// and serves its requests first, since they came first.
//
// Counts are cumulative, so late or reordered messages are harmless.

// A Report is what an older daemon tells its successor of a pool.
type Report struct {
	Name     string
	Granted  int            // places it has been given, in all
	Released int            // and has given back, in all
	Waiting  int            // requests that have none
	Servers  map[string]int // requests in each FPM listener
	Paused   bool           // at the handover
}

// A lease is an older daemon's part of a pool, as that one knows it.
type lease struct {
	granted, released int
	last              Report
	report            func(Report) // does not wait
}

func (l *lease) held() int { return l.granted - l.released }

// HandOver makes the pool one that a successor shares out. report tells that one what
// happens here, first at once; it is called with the pool's mutex held and must not wait.
// From now on no connection to FPM is kept.
func (p *Pool) HandOver(report func(Report)) {
	p.mu.Lock()
	p.lease = &lease{granted: p.running, report: report}
	idle := p.takeAllKeptLocked()
	p.sendReportLocked()
	p.mu.Unlock()
	endAll(idle)
}

// TakeBack makes the pool its own again: the successor has gone.
func (p *Pool) TakeBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lease = nil
	p.changedLocked()
}

// Grant takes the places that the successor has given, in all.
func (p *Pool) Grant(all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lease == nil {
		return
	}
	p.lease.granted = max(p.lease.granted, all)
	p.changedLocked()
}

// reportLocked gives back the places of the lease that nobody needs, and tells the
// successor what has changed.
func (p *Pool) reportLocked() {
	if p.lease == nil {
		return
	}
	if unused := p.lease.held() - p.running; unused > 0 {
		p.lease.released += unused
	}
	p.sendReportLocked()
}

func (p *Pool) sendReportLocked() {
	l := p.lease
	r := Report{
		Name: p.Name, Granted: l.granted, Released: l.released, Paused: p.pause.holds(),
		Waiting: p.queue.mayRun() + len(p.ahead) + p.older.wants(), Servers: map[string]int{},
	}
	for _, at := range p.listeners {
		r.Servers[string(at.addr)] = at.busyLocked()
	}
	if r.Granted == l.last.Granted && r.Released == l.last.Released && r.Waiting == l.last.Waiting &&
		maps.Equal(r.Servers, l.last.Servers) {
		return
	}
	l.last = r
	l.report(r)
}

// An older is an older daemon's part of a pool, as the successor knows it.
type older struct {
	granted int // places given
	report  Report
	grant   func(all int) // does not wait
}

func (o *older) held() int { return o.granted - o.report.Released }

// wants is how many requests wait there for which no place is under way.
func (o *older) wants() int {
	if o == nil {
		return 0
	}
	return max(0, o.report.Waiting-(o.granted-o.report.Granted))
}

// HearOlder takes what an older daemon reports of its part of the pool. The first report
// lets its requests in, and has the pool paused if it was. grant tells that one how many
// places it has been given, in all; it is called with the pool's mutex held and must not
// wait.
func (p *Pool) HearOlder(r Report, grant func(all int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.older == nil {
		p.pause = pause{}
		if r.Paused {
			p.pause.state = paused
		}
		p.older = &older{granted: r.Granted, report: r, grant: grant}
		p.running += p.older.held()
		p.Total.countLocked(p, p.older.held())
		p.noteOlderLocked()
		return
	}
	before := p.older.held()
	p.older.report = r
	p.noteOlderLocked()
	p.freeLocked(before - p.older.held())
	p.changedLocked()
}

// ForgetOlder ends the part of an older daemon that has ended.
func (p *Pool) ForgetOlder() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.older == nil {
		return
	}
	p.freeLocked(p.older.held())
	p.older = nil
	p.noteOlderLocked()
	p.changedLocked()
}

// freeLocked counts places that are not taken any more. Those of a lease are the
// successor's to give, also if somebody waits here.
func (p *Pool) freeLocked(places int) {
	p.running -= places
	p.Total.giveLocked(p, places)
	if p.lease != nil {
		p.lease.released += places
	}
}

// noteOlderLocked counts the older daemon's requests in each listener.
func (p *Pool) noteOlderLocked() {
	for _, l := range p.listeners {
		l.older = 0
		if p.older != nil {
			l.older = p.older.report.Servers[string(l.addr)]
		}
	}
}

// giveOlderLocked gives the older daemon a place, which it wants.
func (p *Pool) giveOlderLocked() {
	o := p.older
	p.running++
	o.granted++
	o.grant(o.granted)
}

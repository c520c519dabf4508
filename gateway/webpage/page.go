package webpage

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"realdocd/gateway/control"
)

// A Page is what [Page.Handler] serves. One goroutine runs it, from New to Close.
type Page struct {
	source Source
	recent *Recent
	closed chan struct{}

	mu sync.Mutex // guards the following
	// always says that snapshots are taken also if nobody looks.
	always bool
	// watched are the views that somebody looks at.
	watched map[view]*audience
	viewers int
	left    time.Time     // when a viewer has left last
	woken   chan struct{} // has room for one: somebody looks
	last    Snapshot
	checked *control.Checked // what was found last; nil for nothing since the beginning
}

// A view is what is written for those who look at the same: an overview or a siteView.
// Equal ones are one.
type view interface {
	frame(p *Page, s Snapshot) (*frame, error)
}

// MaxViewers is how many are served at once. Each has a connection as long as he looks.
const MaxViewers = 128

const (
	interval = time.Second
	// linger is how long snapshots are taken behind the last viewer: he may be back.
	linger = time.Minute
)

// New makes a page of a source. always says that [Page.Run] takes snapshots from the
// beginning, so that the first viewer sees the last 15 minutes.
func New(source Source, always bool) *Page {
	return &Page{
		source: source, recent: newRecent(), closed: make(chan struct{}), always: always,
		watched: map[view]*audience{}, woken: make(chan struct{}, 1),
	}
}

// Always says whether snapshots are taken also if nobody looks.
func (p *Page) Always(always bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.always = always
}

// Run takes snapshots and sends them to who looks, until Close. PHP-FPM is asked only while
// somebody does.
func (p *Page) Run() {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	stop, watches := func() {}, false
	defer func() { stop() }()
	for {
		taken, looked := p.wanted()
		if looked != watches {
			stop()
			if stop, watches = func() {}, looked; looked {
				stop = p.source.Watch()
			}
		}
		if taken {
			p.send(p.take())
		}
		select {
		case <-p.closed:
			return
		case <-p.woken:
		case <-tick.C:
		}
	}
}

// Close ends Run, and what everybody looks at: browsers ask again, and the process that
// serves then answers. A second call does nothing.
func (p *Page) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
		return
	default:
		close(p.closed)
	}
	for v, a := range p.watched {
		for c := range a.viewers {
			close(c)
		}
		delete(p.watched, v)
	}
	p.viewers = MaxViewers // nobody joins any more
}

// wanted says whether snapshots are to be taken, and whether somebody looks or has just done
// so.
func (p *Page) wanted() (taken, looked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	looked = p.viewers > 0 || time.Since(p.left) < linger
	return p.always || looked, looked
}

// take takes a snapshot, and counts it.
func (p *Page) take() Snapshot {
	s := p.source.Snapshot()
	p.recent.add(s)
	p.mu.Lock()
	p.last = s
	p.mu.Unlock()
	return s
}

// latest is a snapshot that is hardly older than the interval.
func (p *Page) latest() Snapshot {
	p.mu.Lock()
	s := p.last
	p.mu.Unlock()
	if time.Since(s.Time) <= interval+interval/2 {
		return s
	}
	return p.take()
}

// send writes each view that somebody looks at, once, and sends what has changed.
func (p *Page) send(s Snapshot) {
	for _, v := range p.views() {
		f, err := v.frame(p, s)
		if err != nil {
			continue // its site is gone: whoever loads the page again is told
		}
		p.mu.Lock()
		if a := p.watched[v]; a != nil {
			a.show(f)
		}
		p.mu.Unlock()
	}
}

func (p *Page) views() (all []view) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for v := range p.watched {
		all = append(all, v)
	}
	return all
}

// Checked keeps what realdocd check has found, to show it.
func (p *Page) Checked(found control.Checked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checked = &found
}

// found is what was found about a site, or with "" all; nil if nobody has checked.
func (p *Page) found(site string) *control.Checked {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.checked == nil || site == "" {
		return p.checked
	}
	of := *p.checked
	of.Findings = slices.DeleteFunc(slices.Clone(of.Findings), func(f control.CheckedFault) bool { return f.Site != site })
	return &of
}

// Recent is what the process that takes over begins with, as [Page.Restore] reads it.
func (p *Page) Recent() json.RawMessage { return p.recent.save(p.found("")) }

// Restore takes over what another process has counted and was told.
func (p *Page) Restore(saved json.RawMessage) error {
	found, err := p.recent.restore(saved)
	if err == nil && found != nil {
		p.Checked(*found)
	}
	return err
}

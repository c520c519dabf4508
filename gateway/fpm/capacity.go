package fpm

import (
	"context"
	"net"
	"net/netip"
	"time"

	"realdocd/gateway/fpmconf"
	"realdocd/gateway/sock"
	"realdocd/gateway/spare"
)

// Auto, as [Config.MaxConns], is what FPM can run at once. More requests would wait in
// FPM's backlog, where sites do not take turns, a visitor who leaves costs a worker, and
// each request needs a connection of its own.
//
// FPM's configuration has the number, pm.max_children, and for pm = static its status
// page too. Where neither can be read, it is found out: the workers are counted while
// requests wait, and now and then a few requests more than that are let in. If FPM starts
// workers for them, more are let in; if not, they are not.
//
// Workers that other clients of the same FPM use are taken off, as far as its status page
// tells. Where nothing is known, there is no limit.
const Auto = -1

const (
	// growEvery is how soon more requests than workers are tried again if FPM did
	// not follow.
	growEvery = 30 * time.Second
	// growTakes is how long FPM has to follow: pm = dynamic starts workers once a second.
	growTakes = 1200 * time.Millisecond
	// othersEvery is how often FPM's status is asked for other clients, while requests
	// wait.
	othersEvery = time.Second
)

// capacity is what is known of how many requests FPM runs at once. The pool's mutex
// guards it.
type capacity struct {
	children int       // the most workers that FPM starts; 0 if that is not known
	more     int       // requests beyond the workers that there are, to see whether FPM follows
	grown    time.Time // when more was tried
	others   int       // workers of other clients
	seen     int       // the same by the newest look alone
	looked   time.Time // for others
}

// limitLocked bounds the requests in FPM at once; 0 sets no bound.
func (p *Pool) limitLocked() int {
	limit := p.Config().MaxConns
	if limit != Auto {
		return limit
	}
	sum := 0
	for _, l := range p.listeners {
		if l.down.Load() != nil {
			continue
		}
		n := l.capacityLocked()
		if n == 0 {
			return 0
		}
		sum += n
	}
	return sum
}

// capacityLocked is how many requests of the pool FPM can run at once; 0 if that is not
// known.
func (l *listener) capacityLocked() int {
	most := l.children
	if most == 0 && l.workers > 0 {
		most = l.workers + l.more
	}
	if most == 0 {
		return 0
	}
	pools := max(1, l.pool.Config().Sharers[l.addr])
	return max(1, (most-l.others+pools-1)/pools)
}

// isFullLocked says whether another request would wait in FPM, as far as that is known.
func (l *listener) isFullLocked() bool {
	n := 0
	if l.pool.Config().MaxConns == Auto {
		n = l.capacityLocked()
	}
	return n > 0 && l.busyLocked() >= n
}

// wantLocked looks again at what FPM can run, since a request has to wait.
func (p *Pool) wantLocked() {
	c := p.Config()
	if c.MaxConns != Auto {
		return
	}
	for _, l := range p.listeners {
		if time.Since(l.asked) > recountEvery {
			l.learnLocked()
		}
		l.hurryLocked()
	}
	// The status page is of one FPM.
	if l := p.listeners[0]; c.StatusServer != "" && len(p.listeners) == 1 && time.Since(l.looked) > othersEvery {
		l.looked = time.Now()
		go l.lookForOthers(c)
	}
}

// lookForOthers counts the workers that other clients use. What is seen once may be a
// request of ours that has begun or ended meanwhile.
func (l *listener) lookForOthers(c *Config) {
	ctx, cancel := context.WithTimeout(l.ctx, learnTimeout)
	defer cancel()
	page, err := AskPage(ctx, c.StatusServer, c.StatusPath)
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := 0
	if err == nil {
		seen = max(0, page.Active+page.Queue-l.busyLocked()-len(l.kept))
	}
	l.others, l.seen = min(seen, l.seen), seen
	p.changedLocked()
}

// growLocked decides how many requests more than workers are let in, after a count.
// workers is the count before.
func (l *listener) growLocked(workers int) {
	wanted := l.pool.queue.len > 0 && l.pool.Config().MaxConns == Auto
	followed := l.more > 0 && l.workers > workers
	if l.children > 0 || !wanted || !followed && time.Since(l.grown) < growEvery {
		l.more = 0
		return
	}
	l.more, l.grown = max(1, l.workers/2), time.Now()
	time.AfterFunc(growTakes, func() {
		l.pool.mu.Lock()
		defer l.pool.mu.Unlock()
		l.learnLocked()
	})
}

// mostWorkers is the most that FPM starts, by its configuration or its status; 0 if
// neither tells. pm is FPM's.
func (l *listener) mostWorkers(ctx context.Context, master int32, is Answer) (most int, pm string) {
	c := l.pool.Config()
	var own *fpmconf.Pool
	spare.During(func() { _, own = fpmconf.Find(string(l.addr), fpmconf.Title(int(master))) })
	if own != nil && (is.Title == "" || is.Title == "php-fpm: pool "+own.Name) {
		return own.Number("pm.max_children"), own.Get("pm").Value
	}
	if c.StatusServer != "" && len(c.Servers) == 1 {
		if page, err := AskPage(ctx, c.StatusServer, c.StatusPath); err == nil && page.Manager == "static" {
			return page.Total, page.Manager
		}
	}
	return 0, ""
}

// isHere says whether an FPM that listens there is on this machine: another one has no
// script of ours to run.
func isHere(addr sock.Addr) bool {
	if addr.IsUnix() {
		return true
	}
	host, _, _ := net.SplitHostPort(string(addr))
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

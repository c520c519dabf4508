package fpm

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"
)

const (
	ownTimeout = 2 * time.Second // that a request waits to be told, the first time
	ownEvery   = time.Minute     // FPM may be another after a reload
)

// phpsIncludePath is what PHP has of Debian, for an FPM that does not say what it has.
const phpsIncludePath = ".:/usr/share/php"

// own is what a pool's FPM says of itself, whichever listener is asked.
type own struct {
	mu     sync.Mutex // guards the following
	is     Answer
	known  bool
	asked  time.Time     // when it was asked last
	asking chan struct{} // closed when the answer is here; nil: nobody asks
}

// IncludePath is what PHP has if nobody sets an include_path: the pool's
// configuration says so, or FPM is asked, once a minute at most.
func (p *Pool) IncludePath() string {
	if set := p.Config().IncludePath; set != "" {
		return set
	}
	if is := p.ownAnswer(); is.IncludePath != "" {
		return is.IncludePath
	}
	return phpsIncludePath
}

// DecodesScripts says whether FPM decodes a script's path that came from Apache, as PHP
// does from 8.5 on.
func (p *Pool) DecodesScripts() bool { return decodesScripts(p.ownAnswer().Version) }

func decodesScripts(version string) bool {
	v := phpVersion.FindStringSubmatch(version)
	if v == nil {
		return false
	}
	major, _ := strconv.Atoi(v[1])
	minor, _ := strconv.Atoi(v[2])
	return major > 8 || major == 8 && minor >= 5
}

// ownAnswer is the newest answer. Only the first one is waited for.
func (p *Pool) ownAnswer() Answer {
	o := &p.own
	o.mu.Lock()
	if time.Since(o.asked) >= ownEvery && o.asking == nil {
		o.asked, o.asking = time.Now(), make(chan struct{})
		go p.askOwn(o.asking)
	}
	is, known, asking := o.is, o.known, o.asking
	o.mu.Unlock()
	if known || asking == nil {
		return is
	}
	patience := time.NewTimer(ownTimeout)
	defer patience.Stop()
	select {
	case <-asking:
	case <-patience.C:
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.is
}

// askOwn asks, and ends when FPM has answered or ownTimeout is over.
func (p *Pool) askOwn(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), ownTimeout)
	defer cancel()
	p.mu.Lock()
	l, probe := p.chooseLocked(nil), p.probe
	p.mu.Unlock()
	err := fmt.Errorf("the pool has no listener")
	var is Answer
	if l != nil {
		is, err = p.Config().askBy(p.AskFPM, ctx, l.addr, probe, Question{})
	}
	if err != nil {
		p.log.Warn().Err(err).Msg("FPM does not say which include_path it has: set include_path of the pool")
	}
	o := &p.own
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.is = is
	}
	o.known, o.asking = true, nil
	close(done)
}

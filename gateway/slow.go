package gateway

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

const (
	slowestLook   = time.Second           // between two looks for slow requests
	fastestLook   = 20 * time.Millisecond // if slow is short
	statusTimeout = time.Second           // for FPM to answer
)

// looksForSlow says whether FPM is to be asked about slow requests.
func (now *setup) looksForSlow() bool {
	if now.cfg.SlowLog == 0 {
		return false
	}
	for _, c := range now.cfg.Pools {
		if c.StatusServer != "" {
			return true
		}
	}
	return false
}

// watchSlow asks FPM about requests that have run for slow, while they run: of
// one that has ended it knows nothing any more. It ends with its setup, or with
// the last request.
func (s *Server) watchSlow(now *setup) {
	tick := time.NewTicker(min(max(now.cfg.SlowLog/4, fastestLook), slowestLook))
	defer tick.Stop()
	for s.setup.Load() == now {
		select {
		case <-s.empty:
			return
		case at := <-tick.C:
			for p, slow := range s.slowRequests(now, at) {
				s.askAboutSlow(p, slow)
			}
		}
	}
}

// A slowRequest is what FPM's worker is to be found by.
type slowRequest struct {
	conn           *webConn
	began          time.Time // tells it from the next one on conn
	connected      time.Time
	method, script string
}

// slowRequests are those of the setup, by pool, that have become slow and that
// FPM was not asked about.
func (s *Server) slowRequests(now *setup, at time.Time) map[*fpm.Pool][]slowRequest {
	slow := map[*fpm.Pool][]slowRequest{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.mu.Lock()
		rq := c.rq
		if _, runs := c.waits.(*sock.Conn); runs && rq.setup == now && !rq.asked && at.Sub(rq.began) >= now.cfg.SlowLog && rq.pool.Config().StatusServer != "" {
			rq.asked = true
			slow[rq.pool] = append(slow[rq.pool], slowRequest{
				c, rq.began, rq.place.Connected,
				string(rq.value(rq.cgi.requestMethod)), string(rq.value(rq.cgi.scriptFilename)),
			})
		}
		c.mu.Unlock()
	}
	return slow
}

func (s *Server) askAboutSlow(p *fpm.Pool, slow []slowRequest) {
	c := p.Config()
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	workers, err := fpm.AskWorkers(ctx, c.StatusServer, c.StatusPath)
	if err != nil {
		s.noStatus.event(s.log.Warn(), time.Now()).Str("pool", p.Name).Err(err).Msg("FPM was not asked about slow requests")
		return
	}
	now := time.Now()
	for _, sr := range slow {
		w := fpm.FindWorker(workers, sr.method, sr.script, now.Sub(sr.connected))
		sr.conn.mu.Lock()
		if rq := sr.conn.rq; rq != nil && rq.began.Equal(sr.began) {
			rq.worker = w
		}
		sr.conn.mu.Unlock()
	}
}

// describeWorker adds what FPM said of the worker to a log event.
func describeWorker(e *zerolog.Event, w *fpm.Worker) {
	e.Dict("fpm", zerolog.Dict().Int("pid", w.PID).Str("state", w.State).Str("script", w.Script).
		Float64("duration", float64(w.Duration.Microseconds())/1000))
}

package fleet

import (
	"context"
	"slices"
	"time"
)

// asked is an ask that this host is at.
type asked struct {
	ask     Ask
	written int64 // revision of the ask
	reply   Answer
	job     *job
	over    bool // it is not wanted any more
	paused  bool // until the host is there again
	again   bool // what it does now is not what is wanted any more
}

// askLimits bound the work on asks that name no bound themselves.
var askLimits = map[string]time.Duration{
	AskDrain: 24 * time.Hour, AskFetch: fetchLimit, AskTake: fetchLimit, AskTrial: 7 * 24 * time.Hour,
}

const mostAsks = 100 // at a time

// sayWhy is how long work has after its limit to say what it has waited for.
const sayWhy = 5 * time.Second

// hearAsk begins to do what is asked of this host, and ends it when nobody asks any more.
func (l *loop) hearAsk(id string, event Event) {
	l.changed = true
	a := l.asks[id]
	if event.Removed {
		if a != nil {
			a.over = true
			l.endAsk(id, a)
		}
		return
	}
	ask, ok := parse[Ask](event.Value)
	if !ok || ask.ID != id || len(ask.Only) > 0 && !slices.Contains(ask.Only, l.Name) {
		return
	}
	switch {
	case a == nil:
		a = &asked{ask: ask, written: event.Modified}
		l.asks[id] = a
		if len(l.asks) > mostAsks {
			l.answerAsk(a, Answer{Why: "this host is at too many things"})
			return
		}
		l.doAsk(a)
	case a.ask.Round != ask.Round:
		a.ask, a.written, a.paused = ask, event.Modified, false
		if a.job != nil {
			a.again = true
			a.job.stop()
		} else {
			l.doAsk(a)
		}
	case a.paused && a.job == nil: // the host is there again
		a.ask, a.written = ask, event.Modified
		l.doAsk(a)
	case a.paused:
		a.ask, a.written, a.paused = ask, event.Modified, false // it begins again when the job has ended
		a.again = true
	default: // written again, or seen again after a loss
		a.written = event.Modified
		l.writeReply(a)
	}
}

// endAsk forgets an ask, once its work has ended.
func (l *loop) endAsk(id string, a *asked) {
	if a.job != nil {
		a.job.stop()
		return
	}
	delete(l.asks, id)
	l.changed = true
	if l.writer != nil {
		l.writer.put(l.Keys.Answer(id, l.Name), letter{remove: true})
	}
}

// pauseAsks ends the work on asks while the host is not there: whoever asked counts on nothing of it.
func (l *loop) pauseAsks() {
	for _, a := range l.asks {
		a.paused = true
		if a.job != nil {
			a.job.stop()
		}
	}
}

func (l *loop) doAsk(a *asked) {
	ask := a.ask
	a.paused, a.again = false, false
	limit := ask.Limit
	if limit <= 0 {
		limit = askLimits[ask.Kind]
	}
	if limit <= 0 {
		l.answerAsk(a, Answer{Why: "this host's realdocd does not know what " + ask.Kind + " is: it is older than the command"})
		return
	}
	// The work keeps to the limit itself.
	ctx, stop := context.WithTimeout(l.ctx, limit+sayWhy)
	a.job = &job{"ask", ask.ID, stop}
	began := time.Now()
	l.answerAsk(a, Answer{OK: true, Going: true})
	l.spawn(func(context.Context) {
		answer := Answer{OK: true}
		var err error
		if ask.Kind == AskFetch {
			err = l.Host.Fetch(ctx, ask.Site, ask.Release, ask.Hash)
			answer.Hash = ask.Hash
		} else {
			answer.Data, err = l.Host.Ask(ctx, ask, func(data string) {
				l.finish(func() {
					if a.ask.Round == ask.Round && a.job != nil {
						l.answerAsk(a, Answer{OK: true, Going: true, Data: data})
					}
				})
			})
		}
		stop()
		if err != nil {
			answer.OK, answer.Why = false, err.Error()
		}
		answer.Took = time.Since(began)
		l.finish(func() { l.didAsk(a, ask, answer) })
	})
}

func (l *loop) didAsk(a *asked, ask Ask, answer Answer) {
	a.job = nil
	if s := l.sites[ask.Site]; s != nil && (ask.Kind == AskFetch || ask.Kind == AskTake) {
		s.lookDue, s.retry = true, time.Time{} // what is committed may have come
		l.decide(s)
	}
	switch {
	case a.over:
		l.endAsk(ask.ID, a)
	case a.again:
		l.doAsk(a)
	case a.paused:
	default:
		l.answerAsk(a, answer)
	}
}

func (l *loop) answerAsk(a *asked, answer Answer) {
	answer.Host, answer.Agent, answer.Round, answer.Clock = l.Name, l.id, a.ask.Round, l.Now()
	a.reply = answer
	l.writeReply(a)
}

func (l *loop) writeReply(a *asked) {
	if l.writer == nil || a.reply.Host == "" {
		return
	}
	l.writer.put(l.Keys.Answer(a.ask.ID, l.Name), letter{
		value: encode(a.reply), urgent: true, when: []Condition{{Key: l.Keys.Ask(a.ask.ID), Modified: a.written}},
	})
}

package fleet

import (
	"context"
	"errors"
	"slices"
	"time"
)

// An Asking is an ask that hosts work on. It ends with Close, or with its command.
type Asking struct {
	c     *Commander
	ask   Ask
	sight *sight
	lease Lease
	stop  context.CancelFunc
	told  map[string]int64
	// hosts are those that are asked.
	hosts []string
}

// Open asks hosts for something: those that the ask names, or all members.
func (c *Commander) Open(ctx context.Context, ask Ask) (*Asking, error) {
	ask.ID, ask.By, ask.Round = newID(), c.By, 1
	a := &Asking{c: c, ask: ask, told: map[string]int64{}}
	ctx, a.stop = context.WithCancel(ctx)
	if err := a.open(ctx); err != nil {
		a.stop()
		return nil, err
	}
	return a, nil
}

func (a *Asking) open(ctx context.Context) (err error) {
	keys := a.c.Keys
	if a.sight, err = see(ctx, a.c.Store, evenClock(), keys.Members(), keys.Hosts(), keys.Answers(a.ask.ID)); err != nil {
		return err
	}
	members, err := byHost[Member](a.sight.below(keys.Members()))
	if err != nil {
		return err
	}
	if len(members) == 0 {
		return errNoHosts
	}
	a.hosts = sorted(members)
	if len(a.ask.Only) > 0 {
		a.hosts = a.ask.Only
	}
	if a.lease, err = a.c.lease(ctx); err != nil {
		return err
	}
	if err := a.write(ctx); err != nil {
		a.lease.End()
		return err
	}
	return nil
}

// Hosts are those that are asked.
func (a *Asking) Hosts() []string { return a.hosts }

func (a *Asking) write(ctx context.Context) error {
	_, _, err := a.c.transact(ctx, nil, put(a.c.Keys.Ask(a.ask.ID), a.ask, a.lease.ID()))
	return err
}

// Update changes what is asked, in a round of its own.
func (a *Asking) Update(ctx context.Context, data string) error {
	a.ask.Data = data
	a.ask.Round++
	return a.write(ctx)
}

// Answers are what hosts have said to the present round, by host. A host that is asked and absent has an
// answer that says so. final says whether all of them are.
func (a *Asking) Answers() (answers map[string]Answer, final bool, err error) {
	answers, final = map[string]Answer{}, true
	for _, kv := range a.sight.below(a.c.Keys.Answers(a.ask.ID)) {
		answer, err := decode[Answer](kv.KV)
		if err != nil {
			return nil, false, err
		}
		if host := Last(kv.Key); answer.Round == a.ask.Round && slices.Contains(a.hosts, host) {
			answers[host] = answer
		}
	}
	for _, host := range a.hosts {
		answer, answered := answers[host]
		switch {
		case answered && !answer.Going:
		case a.sight.get(a.c.Keys.Host(host)).Modified == 0:
			answers[host] = Answer{Host: host, Round: a.ask.Round, Why: "it is absent: start it (systemctl start realdocd-fleet)"}
		default:
			final = false
		}
	}
	return answers, final, nil
}

// Wait waits until done, which is called with what hosts have said to the present round whenever that changes.
// It ends with an error as soon as the ask may be gone.
func (a *Asking) Wait(ctx context.Context, done func(answers map[string]Answer, final bool) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-a.lease.Lost():
			cancel(errLeaseLost)
		case <-ctx.Done():
		}
	}()
	var failed error
	err := a.sight.until(ctx, func() bool {
		answers, final, err := a.Answers()
		failed = err
		return err != nil || done(answers, final)
	})
	if err != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(failed, err)
}

// Close takes the ask back. Hosts that still work on it stop.
func (a *Asking) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), CallLimit)
	defer cancel()
	// If this fails, the ask goes with its lease.
	a.c.Store.Commit(ctx, nil, []Op{
		{Key: a.c.Keys.Ask(a.ask.ID), Remove: true}, {Key: a.c.Keys.Answers(a.ask.ID), Remove: true, Prefix: true},
	})
	a.lease.End()
	a.stop()
}

// Ask has hosts do something, and waits until each has said that it is done, or is absent. tell is told each
// answer that is new, or nil. If it is ended before, it gives what is known, with an error.
func (c *Commander) Ask(ctx context.Context, ask Ask, tell func(Answer)) (map[string]Answer, error) {
	a, err := c.Open(ctx, ask)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	var answers map[string]Answer
	told := map[string]Answer{}
	err = a.Wait(ctx, func(now map[string]Answer, final bool) bool {
		answers = now
		for _, host := range sorted(now) {
			if tell != nil && now[host].differs(told[host]) {
				told[host] = now[host]
				tell(now[host])
			}
		}
		return final
	})
	return answers, err
}

func (a Answer) differs(b Answer) bool {
	return a.Round != b.Round || a.OK != b.OK || a.Why != b.Why || a.Data != b.Data || a.Going != b.Going
}

// Failed are the hosts that did not do what they were asked, with why.
func Failed(answers map[string]Answer) (wrongs []Wrong) {
	for _, host := range sorted(answers) {
		switch a := answers[host]; {
		case a.Going:
			wrongs = append(wrongs, Wrong{host, "it is not done yet" + after(": ", a.Why)})
		case !a.OK:
			wrongs = append(wrongs, Wrong{host, a.Why})
		}
	}
	return wrongs
}

func after(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// AskLimit bounds an ask that has no limit of its own.
const AskLimit = 30 * time.Minute

//go:build !noetcd

package fleet

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Watch implements [Store]. It ends when the etcd that it leads to has no leader: such a one
// knows nothing new.
func (e *Etcd) Watch(ctx context.Context, prefix string, after int64) <-chan Changes {
	out := make(chan Changes)
	ctx, cancel := context.WithCancelCause(ctx)
	w := &etcdWatch{e: e, prefix: prefix, last: after, out: out, alive: time.AfterFunc(Silence, func() { cancel(errSilent) })}
	go func() { // the watch: until ctx ends, or etcd is silent or cannot tell
		defer cancel(nil)
		defer close(out)
		defer w.alive.Stop()
		err := w.run(clientv3.WithRequireLeader(ctx))
		if cause := context.Cause(ctx); cause == errSilent {
			err = e.told(context.Background(), "watching "+prefix, errSilent)
		}
		if ctx.Err() == nil || context.Cause(ctx) == errSilent {
			select {
			case out <- Changes{Revision: w.last, Err: err}:
			case <-time.After(time.Second): // nobody listens any more
			}
		}
	}()
	return out
}

var errSilent = errors.New("no word for " + Silence.String())

// etcdWatch is one watch, and its last revision.
type etcdWatch struct {
	e      *Etcd
	prefix string
	last   int64
	out    chan<- Changes
	alive  *time.Timer // ends the watch
}

func (w *etcdWatch) run(ctx context.Context) error {
	doing := "watching " + w.prefix
	client, err := w.e.connection(ctx)
	if err != nil {
		return w.e.told(ctx, doing, err)
	}
	go w.ask(ctx, client)
	words := client.Watch(ctx, w.prefix, clientv3.WithPrefix(), clientv3.WithRev(w.last+1), clientv3.WithCreatedNotify())
	for word := range words {
		if err := word.Err(); errors.Is(err, rpctypes.ErrCompacted) {
			return ErrCompacted
		} else if err != nil {
			return w.e.told(ctx, doing, err)
		}
		w.alive.Reset(Silence)
		if err := w.notSetBack(ctx, word.Header.Revision); err != nil {
			return err
		}
		w.e.told(ctx, doing, nil)
		w.last = max(w.last, word.Header.Revision)
		if err := w.give(ctx, word); err != nil {
			return err
		}
	}
	return w.e.told(ctx, doing, errors.New("the watch has ended"))
}

// give hands the changes on, those of each revision together.
func (w *etcdWatch) give(ctx context.Context, word clientv3.WatchResponse) error {
	steps := []Changes{{Revision: word.Header.Revision}}
	for i, event := range word.Events {
		if revision := event.Kv.ModRevision; i == 0 {
			steps[0].Revision = revision
		} else if revision != steps[len(steps)-1].Revision {
			steps = append(steps, Changes{Revision: revision})
		}
		last := &steps[len(steps)-1]
		last.Events = append(last.Events, Event{keyValue(event.Kv), event.Type == clientv3.EventTypeDelete})
	}
	for _, step := range steps {
		select {
		case w.out <- step:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	w.alive.Reset(Silence) // whoever listens may have taken its time
	return nil
}

// ask asks etcd for a sign of life from time to time, until ctx ends.
func (w *etcdWatch) ask(ctx context.Context, client *clientv3.Client) {
	tick := time.NewTicker(Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			client.RequestProgress(ctx) // if this fails, no sign comes
		case <-ctx.Done():
			return
		}
	}
}

// notSetBack finds an etcd that was restored from a backup: it would have us wait for revisions that it
// has yet to reach. One of several that only lags behind is told from that by what a majority says.
func (w *etcdWatch) notSetBack(ctx context.Context, revision int64) error {
	if revision >= w.last {
		return nil
	}
	_, now, err := w.e.Get(ctx, w.prefix+"\x00")
	if err != nil {
		return err
	}
	if now < w.last {
		return ErrCompacted
	}
	return nil
}

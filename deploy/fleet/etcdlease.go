//go:build !noetcd

package fleet

import (
	"context"
	"sync"
	"time"

	mvccpb "go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func keyValue(kv *mvccpb.KeyValue) KV {
	return KV{Key: string(kv.Key), Value: kv.Value, Created: kv.CreateRevision, Modified: kv.ModRevision, Lease: LeaseID(kv.Lease)}
}

// etcdLease is a lease that the goroutine keep keeps.
type etcdLease struct {
	e    *Etcd
	id   clientv3.LeaseID
	ttl  time.Duration
	stop context.CancelFunc
	lost chan struct{}

	mu   sync.Mutex // guards the following
	kept time.Time
}

// Lease implements [Store].
func (e *Etcd) Lease(ctx context.Context, ttl time.Duration) (Lease, error) {
	sent := time.Now()
	l := &etcdLease{e: e, ttl: ttl, lost: make(chan struct{}), kept: sent}
	var client *clientv3.Client
	err := e.call(ctx, "making a lease", func(ctx context.Context, c *clientv3.Client) error {
		answer, err := c.Grant(ctx, int64((ttl+time.Second-1)/time.Second))
		if err != nil {
			return err
		}
		client, l.id = c, answer.ID
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx, l.stop = context.WithCancel(ctx)
	go l.keep(ctx, client)
	return l, nil
}

func (l *etcdLease) ID() LeaseID           { return LeaseID(l.id) }
func (l *etcdLease) Lost() <-chan struct{} { return l.lost }

func (l *etcdLease) Kept() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept
}

// keep has the client keep the lease, on the one stream that it has for that, and ends when the
// lease is over or ctx ends. If the stream is silent for half of the lease's time, which is
// so if the one etcd hangs that it leads to, another one is asked.
//
// A word of the stream was sent after the word before it was answered, and this time is what counts as
// kept: when it was sent is not known. The lease is given up when nothing was heard for all of its time.
func (l *etcdLease) keep(ctx context.Context, client *clientv3.Client) {
	defer close(l.lost)
	defer l.stop()
	stream, err := client.KeepAlive(ctx, l.id)
	if err != nil {
		stream = nil
	}
	last := l.Kept()
	quiet := time.NewTimer(l.ttl / 2)
	defer quiet.Stop()
	for {
		var sent, heard time.Time
		select {
		case _, ok := <-stream:
			if ok {
				sent, heard = last, time.Now()
				break
			}
			if ctx.Err() != nil {
				return
			}
			stream = nil // it gave up, as it does when etcd has no leader
			continue
		case <-quiet.C:
			sent = time.Now()
			bounded, cancel := context.WithDeadline(ctx, last.Add(l.ttl))
			err := l.e.call(bounded, "keeping a lease", func(ctx context.Context, client *clientv3.Client) error {
				_, err := client.KeepAliveOnce(ctx, l.id)
				return err
			})
			cancel()
			if IsFault(err, FaultForgotten) {
				return
			}
			if err == nil {
				heard = time.Now()
				if stream == nil {
					stream, _ = client.KeepAlive(ctx, l.id)
				}
			}
		case <-ctx.Done():
			return
		}
		if !heard.IsZero() {
			last = heard
			l.mu.Lock()
			l.kept = sent
			l.mu.Unlock()
			quiet.Reset(l.ttl / 2)
			continue
		}
		left := l.ttl - time.Since(last)
		if left <= 0 {
			return
		}
		quiet.Reset(min(left, l.ttl/10))
	}
}

// End implements [Lease].
func (l *etcdLease) End() {
	l.stop()
	<-l.lost
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// If this fails, the lease ends by itself.
	l.e.call(ctx, "ending a lease", func(ctx context.Context, client *clientv3.Client) error {
		_, err := client.Revoke(ctx, l.id)
		return err
	})
}

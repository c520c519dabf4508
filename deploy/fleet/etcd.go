//go:build !noetcd

package fleet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Etcd is the [Store] that is kept by etcd. It may be opened while etcd is away: its
// calls fail until it is there, and then work. It says nothing by itself, neither to a log nor
// to the terminal.
type Etcd struct {
	config EtcdConfig
	client clientv3.Config

	opening chan struct{} // has one element while nobody opens a connection
	mu      sync.Mutex    // guards the following
	open    *clientv3.Client
	closed  bool
	since   time.Time // when calls began to fail; zero while they work
}

// Times of the connection. A peer that vanished is noticed by the keep-alive of the connection; etcd
// closes connections that ask more often than each 5 s, and the client does not ask more often
// than each 10 s. While something was sent, the kernel gives up after aliveTimeout.
const (
	connectTimeout = 2 * time.Second
	aliveEvery     = 10 * time.Second
	aliveTimeout   = 3 * time.Second
)

// reconnect is how a connection is tried again: soon, since hosts that wait are in doubt.
var reconnect = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.5, MaxDelay: 2 * time.Second}

// OpenEtcd makes the store. Its errors are faults of the configuration.
func OpenEtcd(config EtcdConfig) (*Etcd, error) {
	tls, err := config.tls()
	if err != nil {
		return nil, err
	}
	e := &Etcd{config: config, opening: make(chan struct{}, 1)}
	e.opening <- struct{}{}
	e.client = clientv3.Config{
		Endpoints:            config.Endpoints,
		Username:             config.User,
		Password:             config.Password,
		TLS:                  tls,
		DialTimeout:          connectTimeout,
		DialKeepAliveTime:    aliveEvery,
		DialKeepAliveTimeout: aliveTimeout,
		MaxUnaryRetries:      2, // who calls tries again, and wants to know why it failed
		Logger:               zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: connectTimeout}),
			grpc.WithChainUnaryInterceptor(failFast),
			grpc.WithDisableServiceConfig(),
		},
	}
	return e, nil
}

// failFast has a call that finds no connection fail with the cause, and not with the end of its time.
func failFast(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return call(ctx, method, req, reply, cc, append(opts, grpc.WaitForReady(false))...)
}

// connection is the client; it is made by the first call that needs it, and with a password only once
// etcd has answered.
func (e *Etcd) connection(ctx context.Context) (*clientv3.Client, error) {
	select {
	case <-e.opening:
		defer func() { e.opening <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	e.mu.Lock()
	open, closed := e.open, e.closed
	e.mu.Unlock()
	if closed {
		return nil, errors.New("the store is closed")
	}
	if open != nil {
		return open, nil
	}
	open, err := clientv3.New(e.client)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed { // meanwhile
		open.Close()
		return nil, errors.New("the store is closed")
	}
	e.open = open
	return open, nil
}

// call does one call within CallLimit, and gives a [StoreError] if it fails.
func (e *Etcd) call(ctx context.Context, doing string, f func(context.Context, *clientv3.Client) error) error {
	bounded, cancel := context.WithTimeout(ctx, CallLimit)
	defer cancel()
	client, err := e.connection(bounded)
	if err == nil {
		err = f(bounded, client)
	}
	return e.told(ctx, doing, err)
}

// Get implements [Store]. It reads what a majority of etcd agrees on.
func (e *Etcd) Get(ctx context.Context, prefix string) (kvs []KV, revision int64, err error) {
	err = e.call(ctx, "reading "+prefix, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByKey, clientv3.SortAscend))
		if err != nil {
			return err
		}
		revision = answer.Header.Revision
		for _, kv := range answer.Kvs {
			kvs = append(kvs, keyValue(kv))
		}
		return nil
	})
	return kvs, revision, err
}

// Commit implements [Store].
func (e *Etcd) Commit(ctx context.Context, when []Condition, then []Op) (ok bool, revision int64, err error) {
	if len(when) > MaxConditions || len(then) > MaxConditions {
		return false, 0, fmt.Errorf("one step of etcd may have %d conditions and operations, and this one has %d and %d", MaxConditions, len(when), len(then))
	}
	var ifs []clientv3.Cmp
	for _, c := range when {
		if c.Prefix {
			after := min(c.Modified, math.MaxInt64-1) + 1
			ifs = append(ifs, clientv3.Compare(clientv3.ModRevision(c.Key).WithPrefix(), "<", after))
		} else {
			ifs = append(ifs, clientv3.Compare(clientv3.ModRevision(c.Key), "=", c.Modified))
		}
	}
	var ops []clientv3.Op
	for _, op := range then {
		ops = append(ops, op.etcd())
	}
	err = e.call(ctx, "writing "+keysOf(then), func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Txn(ctx).If(ifs...).Then(ops...).Commit()
		if err != nil {
			return err
		}
		ok, revision = answer.Succeeded, answer.Header.Revision
		return nil
	})
	return ok, revision, err
}

func (op Op) etcd() clientv3.Op {
	switch {
	case op.Remove && op.Prefix:
		return clientv3.OpDelete(op.Key, clientv3.WithPrefix())
	case op.Remove:
		return clientv3.OpDelete(op.Key)
	case op.Lease != 0:
		return clientv3.OpPut(op.Key, string(op.Value), clientv3.WithLease(clientv3.LeaseID(op.Lease)))
	}
	return clientv3.OpPut(op.Key, string(op.Value))
}

func keysOf(ops []Op) string {
	var keys []string
	for _, op := range ops[:min(len(ops), 3)] {
		keys = append(keys, op.Key)
	}
	if len(ops) > len(keys) {
		keys = append(keys, "…")
	}
	return strings.Join(keys, ", ")
}

// Close implements [Store].
func (e *Etcd) Close() error {
	e.mu.Lock()
	open := e.open
	e.open, e.closed = nil, true
	e.mu.Unlock()
	if open == nil {
		return nil
	}
	return open.Close()
}

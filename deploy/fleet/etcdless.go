//go:build noetcd

package fleet

import (
	"context"
	"errors"
	"time"
)

// Etcd is not in this program: what its client registers when a program starts would be in the memory of every
// daemon, also where there is no fleet.
type Etcd struct{}

var errNoEtcd = errors.New("this program has no client of etcd: realdocd-fleet has")

// OpenEtcd says so.
func OpenEtcd(EtcdConfig) (*Etcd, error) { return nil, errNoEtcd }

// Get implements [Store].
func (*Etcd) Get(context.Context, string) ([]KV, int64, error) { return nil, 0, errNoEtcd }

// Watch implements [Store].
func (*Etcd) Watch(context.Context, string, int64) <-chan Changes {
	none := make(chan Changes)
	close(none)
	return none
}

// Commit implements [Store].
func (*Etcd) Commit(context.Context, []Condition, []Op) (bool, int64, error) {
	return false, 0, errNoEtcd
}

// Lease implements [Store].
func (*Etcd) Lease(context.Context, time.Duration) (Lease, error) { return nil, errNoEtcd }

// Close implements [Store].
func (*Etcd) Close() error { return nil }

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// status asks realdocd over its control socket until the status is as it should be, and returns that.
func status(t *testing.T, gw *stack.Gateway, right func(control.Status) bool) (st control.Status) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := control.NewClient(string(gw.Control))
	err := stack.Poll(func() (err error) {
		if st, err = client.Status(ctx); err == nil && !right(st) {
			err = fmt.Errorf("the status is %+v", st)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// pool waits until the shop's pool is as it should be.
func (s *shop) pool(t *testing.T, right func(control.PoolStatus) bool) control.PoolStatus {
	t.Helper()
	return status(t, s.gw, func(st control.Status) bool { return right(st.Pools[0]) }).Pools[0]
}

// holding waits until so many requests run in the pool, and so many wait.
func (s *shop) holding(t *testing.T, running, waiting int) {
	t.Helper()
	s.pool(t, func(p control.PoolStatus) bool { return p.Running == running && p.Waiting == waiting })
}

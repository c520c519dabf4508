package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"realdocd/deploy/fleet"
)

// A failingStore does or does not do a commit of a site, says that it failed, and is away for a time.
type failingStore struct {
	fleet.Store
	does   bool
	away   time.Duration
	failed time.Time
}

var errAway = errors.New("no answer")

func (s *failingStore) isAway() bool { return !s.failed.IsZero() && time.Since(s.failed) < s.away }

func (s *failingStore) Get(ctx context.Context, prefix string) ([]fleet.KV, int64, error) {
	if s.isAway() {
		return nil, 0, errAway
	}
	return s.Store.Get(ctx, prefix)
}

func (s *failingStore) Commit(ctx context.Context, when []fleet.Condition, then []fleet.Op) (bool, int64, error) {
	if s.isAway() {
		return false, 0, errAway
	}
	if !slices.ContainsFunc(then, func(op fleet.Op) bool { return op.Key == keys.Site("shop") }) {
		return s.Store.Commit(ctx, when, then)
	}
	if s.does {
		s.Store.Commit(ctx, when, then)
	}
	s.failed = time.Now()
	return false, 0, errAway
}

// Whatever the store does at the commit, the command does not say that nothing has changed if something has, nor the
// other way round.
func TestFlip_LearnsWhetherItsCommitStandsIfTheAnswerIsLost(t *testing.T) {
	for _, tt := range []struct {
		name string
		does bool
		away time.Duration
		err  string
	}{
		{"it was done, and etcd answers again", true, 0, ""},
		{"it was done, and etcd answers after a time", true, 5 * time.Second, ""},
		{"it was done, and etcd answers after the lease", true, 15 * time.Second, ""},
		{"it was not done, and etcd answers again", false, 0, "etcd went away before the flip was committed\nnothing has changed"},
		{"it was not done, and etcd answers after a time", false, 5 * time.Second, "nothing has changed"},
		{"it was not done, and etcd answers after the lease", false, 15 * time.Second, "nothing has changed"},
		{"it was done, and etcd does not come back", true, time.Hour, "whether it stands is not known here"},
		{"it was not done, and etcd does not come back", false, time.Hour, "whether it stands is not known here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inFleet(t, 3, func(f *fakeFleet) {
				f.c.Store = &failingStore{Store: f.c.Store, does: tt.does, away: tt.away}
				report, err := f.flip(nil)
				if tt.err != "" {
					wantError(t, err, tt.err)
				} else if err != nil || report.Commit.Seq != 1 || len(report.Applied) != 3 {
					t.Errorf("the report is %+v (%v)", report, err)
				}
				if stands := f.committed() != nil; stands != tt.does {
					t.Errorf("committed: %v, want %v", stands, tt.does)
				}
				if tt.away < time.Hour {
					f.wantNoFlip()
				}
			})
		})
	}
}

func TestFlip_AsksAgainIfAHostJoinsWhileTheOthersPromise(t *testing.T) {
	inFleet(t, 3, func(f *fakeFleet) {
		fourth := newFakeHost(f.t, f.store, "web4")
		f.hosts["web1"].promises = time.Second
		var once sync.Once
		f.store.Observe(func(step fleet.Changes) {
			for _, e := range step.Events {
				var p fleet.Proposal
				if e.Key == keys.Flip("shop") && json.Unmarshal(e.Value, &p) == nil && p.Phase == fleet.PhasePromise {
					once.Do(func() { go fourth.start() })
				}
			}
		})
		f.hosts["web4"] = fourth
		_, err := f.flip(func(f *fleet.Flip) { f.AtLeast = fleet.Share{Hosts: 3} })
		if err != nil {
			t.Fatal(err)
		}
		if c := f.committed(); !slices.Equal(c.Fenced, []string{"web4"}) {
			t.Errorf("committed is %+v: web4 was passed over", c)
		}
	})
}

package fleet

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	agreed "realdocd/deploy/fleet"
	"realdocd/test/stack"
)

const (
	prefix = "/realdocd"
	group  = "www"
	site   = "shop"
)

// A spy sees what is in etcd as it changes: it asks each member by itself, so that one that is cut off
// blinds it in one eye only.
type spy struct {
	y       *yard
	keys    agreed.Keys
	clients []*clientv3.Client

	mu       sync.Mutex // guards the following
	changed  chan struct{}
	seen     map[written]bool
	phases   map[string][]string // of a proposal, by its ID
	release  map[string]string   // of a proposal
	promised map[string]bool     // a host has, to go to a release
	commits  []agreed.Commit
	have     map[int64]map[string]agreed.Have // that hosts have gone by, by the commit
}

// written is a key as it was written once. Members tell of it one after another, and one that was away skips some.
type written struct {
	key      string
	revision int64
}

// spyOn has the store watched until the test ends.
func (y *yard) spyOn() *spy {
	y.t.Helper()
	s := &spy{
		y: y, keys: agreed.NewKeys(prefix, group), changed: make(chan struct{}), seen: map[written]bool{},
		phases: map[string][]string{}, release: map[string]string{}, promised: map[string]bool{},
		have: map[int64]map[string]agreed.Have{},
	}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, member := range y.etcds {
		client, err := clientv3.New(clientv3.Config{
			Endpoints: stack.URLs([]*stack.Etcd{member}), Logger: zap.NewNop(),
			DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
				return y.hub.Dial(ctx, "tcp", strings.TrimPrefix(addr, "http://"))
			})},
		})
		y.must(err)
		s.clients = append(s.clients, client)
		all.Go(func() { s.look(ctx, client) })
	}
	y.t.Cleanup(func() {
		stop()
		for _, client := range s.clients {
			client.Close()
		}
		all.Wait()
	})
	return s
}

// look has one member tell what changes, for as long as it does, again and again.
func (s *spy) look(ctx context.Context, client *clientv3.Client) {
	for ctx.Err() == nil {
		s.lookOnce(clientv3.WithRequireLeader(ctx), client)
		pause(ctx, 50*time.Millisecond)
	}
}

func (s *spy) lookOnce(ctx context.Context, client *clientv3.Client) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	within, enough := context.WithTimeout(ctx, time.Second)
	now, err := client.Get(within, s.keys.Base(), clientv3.WithPrefix())
	enough()
	if err != nil {
		return
	}
	for _, kv := range now.Kvs {
		s.take(string(kv.Key), kv.Value, kv.ModRevision)
	}
	for changes := range client.Watch(ctx, s.keys.Base(), clientv3.WithPrefix(), clientv3.WithRev(now.Header.Revision+1)) {
		if changes.Err() != nil {
			return
		}
		for _, e := range changes.Events {
			s.take(string(e.Kv.Key), e.Kv.Value, e.Kv.ModRevision)
		}
	}
}

// take notes what a key has now; value is nil if it is gone.
func (s *spy) take(key string, value []byte, revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[written{key, revision}] || len(value) == 0 {
		return
	}
	s.seen[written{key, revision}] = true
	switch {
	case key == s.keys.Site(site):
		var c agreed.Commit
		if json.Unmarshal(value, &c) == nil {
			s.commits = append(s.commits, c)
			s.y.seer.commit(c)
		}
	case key == s.keys.Flip(site):
		var p agreed.Proposal
		if json.Unmarshal(value, &p) == nil && !slices.Contains(s.phases[p.ID], p.Phase) {
			s.phases[p.ID], s.release[p.ID] = append(s.phases[p.ID], p.Phase), p.Release
		}
	case strings.HasPrefix(key, s.keys.Answers("")[:len(s.keys.Answers(""))-1]):
		var a agreed.Answer
		id := agreed.Last(key[:strings.LastIndexByte(key, '/')])
		if json.Unmarshal(value, &a) == nil && a.Phase == agreed.PhasePromise && a.OK {
			s.promised[s.release[id]] = true
		}
	case strings.HasPrefix(key, s.keys.HaveOf(site)):
		var have agreed.Have
		if json.Unmarshal(value, &have) == nil && !have.Applied.IsZero() {
			if s.have[have.Seq] == nil {
				s.have[have.Seq] = map[string]agreed.Have{}
			}
			s.have[have.Seq][agreed.Last(key)] = have
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits until something is so, which may read what mu guards; it gives up with ctx.
func (s *spy) wait(ctx context.Context, is func() bool) bool {
	for {
		s.mu.Lock()
		so, changed := is(), s.changed
		s.mu.Unlock()
		if so {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// reached says whether a flip to a release has come to a phase; "committed" is the last.
func (s *spy) reached(release, phase string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reachedLocked(release, phase)
}

func (s *spy) reachedLocked(release, phase string) bool {
	if phase == promising {
		return s.promised[release]
	}
	if phase == committed {
		return slices.ContainsFunc(s.commits, func(c agreed.Commit) bool { return c.Release == release })
	}
	for id, r := range s.release {
		if r == release && slices.Contains(s.phases[id], phase) {
			return true
		}
	}
	return false
}

// promising is when the first host has promised, and committed is the phase after those of a proposal.
const (
	promising = "promising"
	committed = "committed"
)

// ask asks the members for a key, one after another, until one of them knows: what it says is what most agree on.
func (s *spy) ask(key string) (value []byte, ok bool) {
	for _, client := range s.clients {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		resp, err := client.Get(ctx, key)
		cancel()
		switch {
		case err != nil:
		case len(resp.Kvs) == 0:
			return nil, true
		default:
			return resp.Kvs[0].Value, true
		}
	}
	return nil, false
}

// committed is the last commit; ok is false if nobody can say.
func (s *spy) committed() (c agreed.Commit, ok bool) {
	value, ok := s.ask(s.keys.Site(site))
	if ok && value != nil {
		ok = json.Unmarshal(value, &c) == nil
	}
	return c, ok
}

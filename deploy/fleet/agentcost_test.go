package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/deploy/fleet/memstore"
)

// What one change of one site costs must not grow with the sites of the host.
func BenchmarkAgent_AChangeOfOneOfManySites(b *testing.B) {
	for _, sites := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(sites), func(b *testing.B) {
			store := memstore.New()
			m := newMachine(store, "web1")
			for i := range sites {
				name := fmt.Sprintf("site%d", i)
				m.live[name], m.releases[name] = "1", map[string]string{"1": "v1:1", "2": "v1:2"}
			}
			flipped := make(chan struct{}, 1)
			m.client = store.Client("web1")
			agent, err := fleet.NewAgent(fleet.AgentConfig{Store: m.client, Keys: keys, Host: m, Name: m.name, Machine: m.name, Version: "1"})
			if err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				agent.Run(ctx)
			}()
			defer func() {
				stop()
				<-ended
			}()
			for m.state("site0"); ; time.Sleep(10 * time.Millisecond) {
				if state, _ := m.state(fmt.Sprintf("site%d", sites-1)); state == fleet.InStep {
					break
				}
			}
			goal, release := "", ""
			m.mu.Lock()
			m.changed = func(m *machine) {
				if m.live[goal] == release {
					select {
					case flipped <- struct{}{}:
					default:
					}
				}
			}
			m.mu.Unlock()
			other := store.Client("other")
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				m.mu.Lock()
				goal, release = fmt.Sprintf("site%d", i%sites), fmt.Sprint(2-i/sites%2)
				m.mu.Unlock()
				select {
				case <-flipped:
				default:
				}
				text, _ := json.Marshal(fleet.Commit{Seq: int64(1 + i/sites), Release: release, Hash: "v1:" + release, Verb: "flip"})
				if _, _, err := other.Commit(ctx, nil, []fleet.Op{{Key: keys.Site(goal), Value: text}}); err != nil {
					b.Fatal(err)
				}
				<-flipped
			}
		})
	}
}

package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The ledger beside its model: who is inside which release, and that each release that is past is told to be idle
// when the last one leaves it, once for each time that it was not.
func TestLedger_DoesWhatItsModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp("", "ledger")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(root)
		if root, err = filepath.EvalSymlinks(root); err != nil {
			t.Fatal(err)
		}
		names := []string{"1", "2", "3"}
		for _, name := range names {
			if err := os.MkdirAll(filepath.Join(root, "releases", name, "public"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		flip := func(name string) {
			next := filepath.Join(root, "next")
			if err := os.Symlink("releases/"+name, next); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(next, filepath.Join(root, "current")); err != nil {
				t.Fatal(err)
			}
		}
		live, docroot := "1", filepath.Join(root, "current/public")
		flip(live)
		r := NewResolver(Options{})
		type guest struct {
			visit Visit
			in    string
		}
		var inside []guest
		count := map[string]int64{}
		total := map[string]int64{}
		seen := ""
		enter := func(t *rapid.T) {
			v, err := r.Enter(docroot, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if v.Name != live {
				t.Fatalf("a request runs on %s, and %s is live", v.Name, live)
			}
			if flipped := v.Flip != nil; flipped != (seen != live) {
				t.Fatalf("a flip from %q to %q was told: %v", seen, live, flipped)
			}
			if v.Flip != nil && v.Flip.Before != nil && v.Flip.Idle != (count[seen] == 0) {
				t.Fatalf("release %s has %d inside, and was told to be idle: %v", seen, count[seen], v.Flip.Idle)
			}
			seen = live
			count[live]++
			total[live]++
			inside = append(inside, guest{v, live})
		}
		t.Repeat(map[string]func(*rapid.T){
			"enter":       enter,
			"enter again": enter,
			"flip":        func(t *rapid.T) { live = rapid.SampledFrom(names).Draw(t, "release"); flip(live) },
			"leave": func(t *rapid.T) {
				if len(inside) == 0 {
					t.Skip("nobody is inside")
				}
				i := rapid.IntRange(0, len(inside)-1).Draw(t, "who")
				g := inside[i]
				inside = append(inside[:i], inside[i+1:]...)
				count[g.in]--
				idle := g.visit.Leave(time.Now(), rapid.Bool().Draw(t, "failed"))
				if want := g.in != seen && count[g.in] == 0; idle != want {
					t.Fatalf("the last one left %s, of which %d are inside while %s is live: idle %v", g.in, count[g.in], seen, idle)
				}
			},
			"": func(t *rapid.T) {
				for _, state := range r.Releases(docroot) {
					if state.Inside != count[state.Name] || state.Total != total[state.Name] || state.Live != (state.Name == seen) {
						t.Fatalf("%+v, want %d inside, %d in all, live %v", state, count[state.Name], total[state.Name], state.Name == seen)
					}
				}
			},
		})
		var sum int64
		for _, n := range count {
			sum += n
		}
		if got := r.Inside(); got != sum {
			t.Fatal(fmt.Sprintf("%d are inside, want %d", got, sum))
		}
	})
}

package doctor

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
)

func TestCheckFleet_SaysWhatKeepsAHostFromFlippingWithTheOthers(t *testing.T) {
	told := func(change func(*control.FleetStatus)) *control.Status {
		f := &control.FleetStatus{Told: time.Now(), Refuses: true}
		f.Standings = []control.FleetStanding{{Site: "shop", State: control.FleetInStep}}
		change(f)
		return &control.Status{Fleet: f}
	}
	nothing := func(*control.FleetStatus) {}
	well := map[string]string{"LoadState": "loaded", "ActiveState": "active", "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6"}
	for name, row := range map[string]struct {
		store  []string
		secret bool
		unit   map[string]string
		adrift bool
		status *control.Status
		want   string // kinds
		says   string
	}{
		"no fleet":          {status: &control.Status{}, adrift: true},
		"all is well":       {store: []string{"https://e:2379"}, secret: true, status: told(nothing)},
		"no daemon":         {store: []string{"http://e:2379"}},
		"in clear":          {store: []string{"http://e:2379"}, secret: true, status: told(nothing), want: "fleet-password-in-clear", says: "http://e:2379"},
		"no TCP":            {store: []string{"http://e:2379"}, status: told(nothing), unit: map[string]string{"ActiveState": "active", "RestrictAddressFamilies": "AF_UNIX"}, want: "fleet-unit-forbids-tcp"},
		"a clock adrift":    {store: []string{"http://e:2379"}, adrift: true, status: told(nothing), want: "fleet-clock"},
		"not reloaded":      {store: []string{"http://e:2379"}, status: &control.Status{}, want: "reload-pending"},
		"never told":        {store: []string{"http://e:2379"}, status: told(func(f *control.FleetStatus) { f.Told = time.Time{} }), want: "fleet-untold", says: "refuses"},
		"never told, serve": {store: []string{"http://e:2379"}, status: told(func(f *control.FleetStatus) { f.Told, f.Refuses = time.Time{}, false }), want: "fleet-untold", says: "so it is not ready."},
		"silent":            {store: []string{"http://e:2379"}, status: told(func(f *control.FleetStatus) { f.Silent = 1 }), want: "fleet-agent-silent"},
		"does not run":      {store: []string{"http://e:2379"}, status: told(nothing), unit: map[string]string{"ActiveState": "inactive"}, want: "fleet-agent-silent"},
		"etcd is away":      {store: []string{"http://e:2379"}, status: told(func(f *control.FleetStatus) { f.StoreError = "it refuses" }), want: "fleet-store-away", says: "it refuses"},
		"behind": {store: []string{"http://e:2379"}, status: told(func(f *control.FleetStatus) {
			f.Standings[0].State, f.Standings[0].Why = control.FleetBehind, "release 43 is not here"
		}), want: "fleet-out-of-step", says: "release 43 is not here"},
	} {
		t.Run(name, func(t *testing.T) {
			kept := !row.adrift
			if row.unit == nil {
				row.unit = well
			}
			x := &examination{ctx: context.Background(), status: row.status}
			x.at = Surroundings{Store: Store{row.store, row.secret}, AgentUnit: row.unit, Synchronised: &kept}
			x.checkFleet()
			var have []string
			said := ""
			for _, f := range x.findings {
				have, said = append(have, f.ID), said+f.What
			}
			if !slices.Equal(have, strings.Fields(row.want)) || !strings.Contains(said, row.says) {
				t.Errorf("it finds %q (%s), want %q, and that it says %q", have, said, row.want, row.says)
			}
		})
	}
}

package gateway

import (
	"fmt"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/standing"
)

// inFleet has a gateway know from its start that its sites are in step, one of which may be in doubt later.
func inFleet(t testing.TB) func(*Config) {
	return func(c *Config) {
		c.Fleet.On, c.StateDir = true, t.TempDir()
		boot, err := standing.BootID()
		if err != nil {
			t.Fatal(err)
		}
		report := control.FleetReport{Standings: []control.FleetStanding{
			{Site: "blog", State: control.FleetInStep},
			{Site: "shop", State: control.FleetInStep, Next: control.FleetInDoubt, For: control.Seconds(time.Hour)},
		}}
		if err := standing.NewFile(c.StateDir, boot).Write(standing.New(report, standing.Now(), time.Now())); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFleet_ARequestOfASiteInStepAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector has pools forget at random, and what they forget is allocated anew")
	}
	ask := newCost(t, true, traced, inFleet(t))
	if n := testing.AllocsPerRun(2000, ask); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkFleet is what a request pays for the question whether its site is in step: without a fleet, and with
// one that has many docroots of a pattern.
func BenchmarkFleet(b *testing.B) {
	gates := func(change func(*Config), standings ...control.FleetStanding) func() error {
		bench := newBench(b)
		bench.cfg.Sites = []SiteConfig{{Name: "all", Docroot: bench.dir + "/*/current/public", Pool: "www"}}
		bench.cfg.StateDir = b.TempDir()
		change(&bench.cfg)
		bench.start()
		if len(standings) > 0 {
			bench.stand(standings...)
		}
		rq := &request{conn: &webConn{s: bench.server}, setup: bench.server.setup.Load(), docroot: bench.docroot("shop")}
		rq.site = rq.setup.sites.all[0]
		return rq.checkFleet
	}
	many := []control.FleetStanding{{Site: "all/shop", State: control.FleetInStep, Next: control.FleetInDoubt, For: control.Seconds(time.Hour)}}
	for i := range 1000 {
		many = append(many, control.FleetStanding{Site: fmt.Sprintf("all/s%d", i), State: control.FleetBehind})
	}
	for _, row := range []struct {
		name string
		gate func() error
	}{
		{"without a fleet", gates(func(*Config) {})},
		{"in step", gates(func(c *Config) { c.Fleet.On = true }, many...)},
		{"behind, and served", gates(func(c *Config) { c.Fleet.On, c.Fleet.ServeBehind = true, true })},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := row.gate(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

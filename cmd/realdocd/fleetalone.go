package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
	"realdocd/gateway/standing"
)

func (o *liveOptions) aloneFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.alone, "alone", false, "flip this host alone, though the site is one of a fleet: it has strayed then")
}

// wantAlone refuses to flip a site of which a fleet has committed a release: this host would serve
// something else than the others. instead is the command that flips all of them.
func (g *goLive) wantAlone(instead string) error {
	if g.opts.alone || g.opts.dryRun {
		return nil
	}
	stands, err := g.standing()
	if err != nil {
		return fmt.Errorf("whether site %s is one of a fleet is not known, so nothing was changed: %w; --alone flips this host alone, whatever the others serve", g.site.Name, err)
	}
	if stands.Release == "" {
		return nil
	}
	return fmt.Errorf("site %s is one of a fleet, which has committed release %s: use %s; --alone flips this host alone, and it is not ready then until the fleet flips again", g.site.Name, stands.Release, instead)
}

// standing is where the site stands in the fleet, as the daemon was told last, in an earlier boot
// too; zero if it is in none.
func (t *namedSite) standing() (stands control.FleetStanding, err error) {
	if !t.fleet {
		return stands, nil
	}
	var report control.FleetReport
	if t.told != nil {
		report = t.told.FleetReport
	} else if report, _, err = standing.Last(t.stateDir); errors.Is(err, fs.ErrNotExist) {
		err = nil // no daemon was ever told
	}
	for _, s := range report.Standings {
		if s.Site == t.site.Name {
			return s, err
		}
	}
	return stands, err
}

// insteadOf is the command of a fleet that does what one does for this host alone.
func insteadOf(verb string) string {
	switch verb {
	case "deploy":
		return "realdocd deploy --fleet"
	case "canary":
		return "realdocd fleet canary"
	}
	return "realdocd fleet " + verb
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// deployOptions are those of deploy alone.
type deployOptions struct{ adopt, deleteNew, force bool }

func newDeploy() *cobra.Command {
	var o liveOptions
	var d deployOptions
	var all fleetDeployOptions
	cmd := &cobra.Command{
		Use:   "deploy SITE SOURCE_DIR",
		Short: "Copy a release into place and make it live",
		Long: `deploy copies the source into the site's idle slot, or into a new directory below
its releases, and makes it live as flip does. Visitors get the live release until the
copy is complete, on disk and warm; what fails before leaves that as it is, and the
next deploy carries on from there. A slot is drained before it is filled, and the pins
that lead there end, or are waited for with --pins=wait. Of releases those beyond keep
are removed, once nothing runs in them and no pin leads there.

Only what deploy has made itself, and what no site uses, is emptied or removed; files
that no deploy has brought stop it. See realdocd-deploy(7).

With --bake, it then watches the release for that time, against what the one before did,
and rolls back if it is worse; the exit code is 1 then. See realdocd-canary(7).

With --fleet, it brings the release to the other hosts of the group too, by the command of
push in [fleet], or by theirs of fetch, and makes it live on all of them at one instant as
fleet flip does. See realdocd-fleet(7).

If the site's link does not exist yet, deploy makes it.`,
		Example: `  realdocd deploy shop ./build
  realdocd deploy shop /srv/checkout --strict --timeout 2m
  realdocd deploy --fleet shop ./build --at-least 9/10`,
		Args: siteArguments("SOURCE_DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drainLimit(true, o.timeout, true); err != nil {
				return usageError{err}
			}
			source, err := filepath.Abs(args[1])
			if err == nil {
				err = wantDirectory(source)
			}
			if err != nil {
				return fmt.Errorf("source %s: %w", args[1], err)
			}
			f, err := all.agree(cmd, args[0], &o)
			if err != nil {
				return err
			}
			if all.on {
				return o.unlocked(cmd, args[0], func(ctx context.Context, g *goLive) error {
					return g.deployToFleet(ctx, source, f, o.file)
				})
			}
			return o.with(cmd, args[0], func(ctx context.Context, g *goLive) error {
				g.deployOpts = d
				return g.deploy(ctx, source)
			})
		},
		ValidArgsFunction: o.completeSiteThenDirectory,
	}
	o.flags(cmd)
	o.aloneFlag(cmd)
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for the idle slot to drain, as `TIME` such as 30s or 2m")
	o.bakeFlag(cmd)
	o.pinsFlag(cmd)
	all.flags(cmd)
	cmd.Flags().BoolVar(&d.adopt, "adopt", false, "take a slot that deploy has not made for its own")
	cmd.Flags().BoolVar(&d.deleteNew, "delete-new", false, "let files go that no deploy has brought")
	cmd.Flags().BoolVar(&d.force, "force", false, "fill a slot that has been live though no gateway runs that could say who is in it")
	return cmd
}

func (g *goLive) deploy(ctx context.Context, source string) error {
	source, err := g.deployable(source)
	if err != nil {
		return err
	}
	if len(g.site.Slots) > 0 {
		return g.deployToSlot(ctx, source)
	}
	return g.deployToReleases(ctx, source)
}

// deployable wants the site to be one that can be deployed to, and gives the source's real path.
func (g *goLive) deployable(source string) (string, error) {
	if g.link.tail != "" {
		return "", fmt.Errorf("the link %[1]s leads into a release, to its %[2]s: make it lead to the release itself, and docroot = %[3]q", g.link.path, g.link.tail[1:], g.link.path+g.link.tail)
	}
	if len(g.site.Slots) == 0 && g.site.Releases == "" {
		return "", fmt.Errorf("site %[1]s has no place for releases: set slots or releases in [%[2]s], or fill a directory yourself and use realdocd flip", g.site.Name, toml.Key{"site", g.site.Name})
	}
	if g.stateDir == "" {
		return "", fmt.Errorf(`state_dir is "", and deploy keeps there which directories are its own: set it, or fill a directory yourself and use realdocd flip`)
	}
	return g.examineSource(source)
}

// examineSource looks at the source before anything is touched, and gives its real
// path.
func (g *goLive) examineSource(source string) (string, error) {
	real, err := filepath.EvalSymlinks(source)
	if err != nil {
		return "", fmt.Errorf("source %s: %w", source, err)
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return "", fmt.Errorf("source %s: %w", source, err)
	}
	if len(entries) == 0 {
		return "", fmt.Errorf("the source %s is empty: was the build run?", source)
	}
	if g.link.below != "" {
		if err := wantDirectory(real + g.link.below); err != nil {
			return "", fmt.Errorf("the source %s has no docroot %s: %w; give the directory that becomes the release, as %s leads to one", source, g.link.below, err, g.link.path)
		}
	}
	uses, err := g.uses("")
	if err != nil {
		return "", err
	}
	if err := deploy.SourceIn(real, uses); err != nil {
		return "", fmt.Errorf("source %s: %w", source, err)
	}
	return real, nil
}

// wouldDeploy says what a deploy would do, with the source for the release.
func (g *goLive) wouldDeploy(ctx context.Context, source, target string) error {
	err := g.do("fill", func() (string, error) { return "would make " + target + " like " + source, nil })
	if err == nil {
		err = g.read(ctx, source, target)
	}
	if err == nil {
		err = g.flip(target)
	}
	return err
}

// filling is what a deploy copies.
func (g *goLive) filling(source string) deploy.Filling {
	return deploy.Filling{Source: source, Exclude: g.site.Exclude, Shared: g.site.Shared}
}

// fill makes a directory like the source, with what is shared, and durable.
func (g *goLive) fill(ctx context.Context, source string, permit *deploy.Permit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, records := g.filling(source), g.records()
	shared := deploy.Shared{Dir: g.site.SharedDir, Paths: g.site.Shared}
	if err := shared.Prepare(source); err != nil {
		return err
	}
	g.source, g.filled = source, true
	return g.do("fill", func() (string, error) {
		if err := records.BeginFill(permit, f); err != nil {
			return "", err
		}
		progress, done := g.progress()
		filled, err := deploy.Fill(ctx, f, permit, progress)
		done()
		if err == nil {
			err = shared.Link(permit)
		}
		if err == nil {
			err = deploy.Sync(permit.Dir())
		}
		if err == nil {
			err = records.EndFill(permit, g.site.Exclude)
		}
		return fmt.Sprintf("%s: %s, %d changed, %d deleted", permit.Dir(), control.Count(filled.Files, "file"), filled.Changed, filled.Deleted), err
	})
}

// progress rewrites one line of a terminal, at most ten times a second.
func (g *goLive) progress() (show func(deploy.FillProgress), done func()) {
	var last time.Time
	show = func(p deploy.FillProgress) {
		if now := time.Now(); now.Sub(last) > 100*time.Millisecond {
			last = now
			g.line.draw(fmt.Sprintf("fill      %d files changed", p.Changed))
		}
	}
	return show, g.line.clear
}

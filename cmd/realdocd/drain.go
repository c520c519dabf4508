package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/nearest"
)

// drainOptions say which pins are waited for, and for how long.
type drainOptions struct {
	siteOptions
	timeout time.Duration
	pins    control.Pins
	asJSON  bool
}

func newDrain() *cobra.Command {
	o := drainOptions{pins: control.PinsEnd}
	cmd := &cobra.Command{
		Use:   "drain SITE RELEASE",
		Short: "Wait until nothing runs in a release",
		Long: `drain closes a release that is not live: until it is live again no request enters it.
Pins that lead there end at once and for good, so that pinned visitors go to the live
release; or drain waits for them first, with --pins=wait. Then it waits until no request,
command or worker is left in it, so that it can be removed or filled anew. RELEASE is a directory, or the name of one that is known or
that lies beside the live one. It prints nothing when it has worked. When it takes longer than the timeout, the exit code is 1, and what
still runs is listed.`,
		Example: `  realdocd drain shop 42 && rm -r /var/www/shop/releases/42
  realdocd drain shop /var/www/shop/B --timeout 2m
  realdocd drain shop 42 --pins=wait`,
		Args: siteArguments("RELEASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drainLimit(true, o.timeout, true); err != nil {
				return usageError{err}
			}
			if err := wantPins(o.pins); err != nil {
				return usageError{err}
			}
			site, err := o.drain(cmd, args[0], args[1])
			if o.asJSON {
				return answerJSON(cmd.OutOrStdout(), site, err)
			}
			if busy := (*control.BusyError)(nil); errors.As(err, &busy) {
				writeOccupants(cmd.OutOrStdout(), busy.Inside)
			}
			return err
		},
		ValidArgsFunction: o.completeSiteThenRelease,
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "write the site as JSON, as the control API has it")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait, as `TIME` such as 30s or 2m; without it --pins=wait takes as long as the pins, too")
	pinsFlag(cmd, &o.pins)
	return cmd
}

func (o *drainOptions) drain(cmd *cobra.Command, name, asked string) (site control.SiteDetail, err error) {
	timeout, limit := o.timeout, o.timeout
	if o.pins == control.PinsWait {
		limit = pinsForever
	}
	err = o.ask(limit+2*answerTimeout, func(ctx context.Context, daemon *control.Client) error {
		at := control.SiteAddress{Site: name, Docroot: o.docroot}
		release, err := o.findRelease(ctx, daemon, at, asked)
		if err != nil {
			return err
		}
		o.noteUnseen(ctx, daemon, name, cmd.ErrOrStderr())
		if o.pins == control.PinsWait && !cmd.Flags().Changed("timeout") {
			if timeout, err = untilPinsEnd(ctx, daemon, at, release, timeout); err != nil {
				return err
			}
		}
		ends := time.Now().Add(timeout)
		if site, err = daemon.DrainRelease(ctx, at, release, timeout, o.pins); err != nil {
			return err
		}
		return awaitPHP(ctx, release, ends)
	})
	return site, err
}

// noteUnseen notes what the pool of a site does not see.
func (o *siteOptions) noteUnseen(ctx context.Context, daemon *control.Client, name string, w io.Writer) {
	st, err := daemon.Status(ctx)
	if err != nil {
		return
	}
	if site, err := o.siteNamed(configOf(st.Sites), name); err == nil {
		noteUnseen(st.Pools, site.Pool, w)
	}
}

// findRelease gives the directory of a release, by its path or by its name.
func (o *siteOptions) findRelease(ctx context.Context, daemon *control.Client, at control.SiteAddress, asked string) (string, error) {
	detail, err := daemon.Site(ctx, at)
	if err != nil && !strings.Contains(asked, "/") {
		return "", err // its releases are not known, and nothing but a path says which is meant
	}
	if strings.Contains(asked, "/") {
		dir, err := filepath.Abs(asked)
		if err != nil {
			return "", fmt.Errorf("complete the path of %s: %w", asked, err)
		}
		// The daemon knows a release by its real path, or by a path that is not real.
		for _, r := range knownReleases(detail) {
			if r.Path == dir {
				return dir, nil
			}
		}
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		return dir, wantRelease(dir)
	}
	var found, names []string
	add := func(dir string) {
		if !slices.Contains(found, dir) {
			found = append(found, dir)
		}
	}
	for _, r := range knownReleases(detail) {
		names = append(names, r.Name)
		if r.Name == asked {
			add(r.Path)
		}
		if beside := deploy.Beside(r.Path, r.Name, asked); r.Live && wantDirectory(beside) == nil {
			add(beside)
		}
	}
	if o.socket == "" {
		for _, slot := range o.slots(at.Site) {
			if path.Base(slot) == asked && len(found) == 0 {
				add(slot)
			}
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("site %s has no release %q: it has %s; or give its directory", at.Site, asked, nearest.List(names))
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("site %s has several releases %q, give the directory of one: %s", at.Site, asked, strings.Join(found, ", "))
}

// wantRelease keeps a slip of the finger from passing for a release that is idle.
func wantRelease(dir string) error {
	if err := wantDirectory(dir); err != nil {
		return fmt.Errorf("release %s: %w", dir, err)
	}
	return nil
}

func (o *siteOptions) slots(name string) []string {
	c, _ := conf.Load(o.file) // it was read a moment ago
	site, err := o.siteNamed(c.Gateway.Sites, name)
	if err != nil {
		return nil
	}
	return site.Slots
}

func knownReleases(d control.SiteDetail) (all []control.ReleaseStatus) {
	for _, docroot := range d.Docroots {
		all = append(all, docroot.Releases...)
	}
	return all
}

// writeOccupants lists what keeps a release busy.
func writeOccupants(w io.Writer, inside []control.Occupant) {
	var out bytes.Buffer
	rows := []row{{"KIND", "WHAT", "AGE", "PID"}}
	for _, o := range inside {
		rows = append(rows, row{o.Kind, o.What, ageCell(o.Age), pidCell(o.PID)})
	}
	writeTable(&out, rows)
	out.WriteTo(w) // the error that goes with it says the same in short
}

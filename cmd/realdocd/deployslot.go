package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"realdocd/deploy"
)

func (g *goLive) deployToSlot(ctx context.Context, source string) error {
	slot, err := deploy.IdleSlot(g.site.Slots, g.liveSlot())
	if err != nil {
		return fmt.Errorf("find the idle slot: %w", err)
	}
	if err := g.wouldFill(slot, source); err != nil {
		return err
	}
	if g.daemon != nil && wantDirectory(slot+g.link.below) == nil {
		if err := g.mayReuse(ctx, source, slot); err != nil {
			return err
		}
	}
	if g.opts.dryRun {
		return g.wouldDeploy(ctx, source, slot)
	}
	permit, err := g.mayFill(ctx, slot, source)
	refusal, foreign := (*deploy.Refusal)(nil), (*foreignFiles)(nil)
	switch {
	case errors.As(err, &refusal) || errors.As(err, &foreign): // which name it
		return err
	case err != nil:
		return fmt.Errorf("slot %s was not touched: %w", slot, err)
	}
	g.emptied = time.Now()
	if err := g.fill(ctx, source, permit); err != nil {
		return err
	}
	return g.run(ctx, slot)
}

// mayFill has a slot be one that may be filled: the deploy's own, used by nobody, with
// nobody inside, and with nothing in it that would be lost.
func (g *goLive) mayFill(ctx context.Context, slot, source string) (*deploy.Permit, error) {
	rec, err := g.slotRecord(slot)
	if err != nil {
		return nil, err
	}
	w, err := g.warden(slot, nil)
	if err != nil {
		return nil, err
	}
	permit, err := w.MayClear(slot)
	if err != nil {
		return nil, err
	}
	if err := g.wantNoForeign(permit, source); err != nil {
		return nil, err
	}
	lived, err := g.wasLive(rec)
	if err != nil {
		return nil, err
	}
	switch {
	case g.daemon == nil && lived && !g.deployOpts.force:
		return nil, fmt.Errorf("it has been live, and nobody knows whether something runs in it (%s): start realdocd, or say with --force that nothing does", g.alone)
	case g.daemon == nil && lived: // the next daemon must not lead anybody into it
		return permit, g.history().EndPins(g.seenAs(slot), time.Now())
	case g.daemon != nil && (lived || g.link.exists):
		if err := g.drain(ctx, slot, g.opts.timeout); err != nil {
			return nil, err
		}
		// Whoever was inside may have written there.
		return permit, g.wantNoForeign(permit, source)
	}
	return permit, nil
}

// wouldFill refuses what mayFill would, and changes nothing.
func (g *goLive) wouldFill(slot, source string) error {
	if entries, err := os.ReadDir(slot); err != nil || len(entries) == 0 {
		return nil // it would be made
	}
	rec, err := g.records().Of(slot)
	if err != nil {
		return err
	}
	if id, err := deploy.IdentityOf(slot); err != nil || rec == nil || !rec.Is(id) {
		if g.deployOpts.adopt {
			return err
		}
		return errors.Join(err, fmt.Errorf("slot %s was not touched: %w", slot, errNotFilled))
	}
	w, err := g.warden(slot, nil)
	if err != nil {
		return err
	}
	permit, err := w.MayClear(slot)
	if err != nil {
		return err
	}
	return g.wantNoForeign(permit, source)
}

// errNotFilled is a slot that may be anybody's.
var errNotFilled = errors.New("it is not empty, and realdocd deploy has never filled it: look at what is in it, and take it for deploys with --adopt")

// wasLive says whether the slot has been live, as far as anybody knows.
func (g *goLive) wasLive(rec *deploy.Record) (bool, error) {
	lived, err := g.lived()
	if err != nil {
		return false, err
	}
	return rec.Adopted || !lived(rec.Path).IsZero(), nil
}

// slotRecord is that of a slot, which is made where it is not there or is empty.
func (g *goLive) slotRecord(slot string) (*deploy.Record, error) {
	records := g.records()
	rec, err := records.Of(slot)
	if err != nil {
		return nil, err
	}
	id, err := deploy.IdentityOf(slot)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := deploy.MakeDirs(filepath.Dir(slot)); err != nil {
			return nil, fmt.Errorf("make the slot: %w", err)
		}
		return records.MakeDir(slot, g.newRecord(deploy.KindSlot))
	case err != nil:
		return nil, err
	case rec != nil && rec.Is(id):
		return rec, nil
	}
	if entries, err := os.ReadDir(slot); err != nil {
		return nil, err
	} else if len(entries) == 0 {
		return records.MakeDir(slot, g.newRecord(deploy.KindSlot))
	}
	if !g.deployOpts.adopt {
		return nil, errNotFilled
	}
	rec, err = records.Adopt(slot, g.newRecord(deploy.KindSlot))
	if err != nil {
		return nil, err
	}
	return rec, g.do("adopt", func() (string, error) { return slot, nil })
}

// liveSlot is the live release as slots has it, which may be by way of symlinks.
func (g *goLive) liveSlot() string {
	for _, slot := range g.site.Slots {
		if g.seenAs(slot) == g.link.live {
			return path.Clean(slot)
		}
	}
	return g.link.live
}

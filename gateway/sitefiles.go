package gateway

// What operators and pins have decided of a site is in files beside its history, for the
// process that comes after this one. As for the history, a disk that hangs holds up nobody but
// who asks.

import (
	"fmt"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/spare"
)

// closed are the releases of a site that an earlier process has closed.
func (h *history) closed(site string) (releases []string) {
	if h.dir == "" {
		return nil
	}
	var err error
	spare.During(func() { releases, err = deploy.NewHistory(h.dir, site).Closed() })
	if err != nil {
		h.log.Error().Err(err).Str("site", site).Msg("closed releases not read: see state_dir")
	}
	return releases
}

// putClosed writes them for a later process.
func (h *history) putClosed(site string, releases []string) (err error) {
	if h.dir == "" {
		return nil
	}
	spare.During(func() { err = deploy.NewHistory(h.dir, site).PutClosed(releases) })
	return err
}

// pins are the releases of a site that pins may lead to, as an earlier process knew them.
func (h *history) pins(site string) (states []deploy.DocrootState) {
	if h.dir == "" {
		return nil
	}
	var err error
	spare.During(func() { states, err = deploy.NewHistory(h.dir, site).Pins() })
	if err != nil {
		h.log.Error().Err(err).Str("site", site).Msg("pins not read, so that those to releases which are not live are not followed: see state_dir")
	}
	return states
}

// keepPins writes them for a later process, after what is to be written before. told has how
// it went; now has what is so when it is written.
func (h *history) keepPins(site string, now func() []deploy.DocrootState, told func(error)) {
	if h.dir == "" {
		told(nil)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stepLocked(func() {
		var err error
		spare.During(func() { err = deploy.NewHistory(h.dir, site).PutPins(now()) })
		told(err)
	})
}

// maintenance is what an earlier process has of a site.
func (h *history) maintenance(site string) (all []control.Maintenance) {
	if h.dir == "" {
		return nil
	}
	var err error
	spare.During(func() { err = deploy.NewHistory(h.dir, site).Maintenance(&all) })
	if err != nil {
		h.log.Error().Err(err).Str("site", site).Msg("maintenance not read, so visitors see the site: see state_dir")
	}
	return all
}

// putMaintenance writes it for a later process.
func (h *history) putMaintenance(site string, all []control.Maintenance) (err error) {
	if h.dir == "" {
		return nil
	}
	spare.During(func() { err = deploy.NewHistory(h.dir, site).PutMaintenance(all) })
	if err != nil {
		return fmt.Errorf("it is so from now on, but a restart would not know it: %w", err)
	}
	return nil
}

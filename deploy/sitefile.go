package deploy

import (
	"errors"
	"fmt"
	"io/fs"
)

// readSite reads a file of JSON that is kept beside the site's history. If there is none,
// into stays as it is.
func (h *History) readSite(name string, into any) error {
	d, err := h.open()
	if d == nil || err != nil {
		return err
	}
	defer d.Close()
	if err := d.readJSON(name, into); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeSite writes it, whole or not at all.
func (h *History) writeSite(name string, from any) error {
	d, err := h.make()
	if err != nil {
		return err
	}
	defer d.Close()
	return d.writeJSON(name, from)
}

const closedFile = "closed.json"

// Closed are the site's releases that no request may enter, as PutClosed has written
// them, for a process that begins.
func (h *History) Closed() (releases []string, err error) {
	if err := h.readSite(closedFile, &releases); err != nil {
		return nil, fmt.Errorf("read which releases are closed: %w", err)
	}
	return releases, nil
}

// PutClosed writes them.
func (h *History) PutClosed(releases []string) error {
	if err := h.writeSite(closedFile, releases); err != nil {
		return fmt.Errorf("write which releases are closed: %w", err)
	}
	return nil
}

const maintenanceFile = "maintenance.json"

// Maintenance reads what PutMaintenance has written of the site, for a process that
// begins. What that is, the caller knows; it stays as it is if nothing was written.
func (h *History) Maintenance(into any) error {
	if err := h.readSite(maintenanceFile, into); err != nil {
		return fmt.Errorf("read whether the site is in maintenance: %w", err)
	}
	return nil
}

// PutMaintenance writes what the next process needs to know of the site's maintenance.
func (h *History) PutMaintenance(from any) error {
	if err := h.writeSite(maintenanceFile, from); err != nil {
		return fmt.Errorf("write that the site is in maintenance: %w", err)
	}
	return nil
}

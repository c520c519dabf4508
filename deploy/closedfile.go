package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

const closedFile = "closed.json"

// Closed are the site's releases that no request may enter, as PutClosed has written
// them, for a process that begins.
func (h *History) Closed() (releases []string, err error) {
	d, err := h.open()
	if d == nil || err != nil {
		return nil, err
	}
	defer d.Close()
	text, _, err := d.read(closedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &releases)
	}
	if err != nil {
		return nil, fmt.Errorf("read which releases are closed: %w", err)
	}
	return releases, nil
}

// PutClosed writes them.
func (h *History) PutClosed(releases []string) error {
	d, err := openSafeDir(h.dir, true, historyDir, h.site)
	if err != nil {
		return fmt.Errorf("write which releases are closed: %w", err)
	}
	defer d.Close()
	text, err := json.Marshal(releases)
	if err == nil {
		err = d.write(closedFile, text)
	}
	if err != nil {
		return fmt.Errorf("write which releases are closed: %w", err)
	}
	return nil
}

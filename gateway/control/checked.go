package control

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// MaxChecked bounds the findings that are kept of a check.
const MaxChecked = 100

// Checked is what realdocd check has found last, as it has told the daemon.
type Checked struct {
	Time     time.Time      `json:"time"`
	Summary  string         `json:"summary"`
	Findings []CheckedFault `json:"findings"` // the gravest first, at most MaxChecked
}

// A CheckedFault is one of its findings: a fault or a warning.
type CheckedFault struct {
	ID       string `json:"id"`
	Severity string `json:"severity"` // "fault" or "warning"
	Site     string `json:"site,omitempty"`
	Text     string `json:"text"` // what it is about, and what was found
	Do       string `json:"do,omitempty"`
}

// TellChecked tells the daemon what a check has found, for who looks at the page.
func (c *Client) TellChecked(ctx context.Context, found Checked) error {
	found.Findings = found.Findings[:min(len(found.Findings), MaxChecked)]
	text, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("write what was found: %w", err)
	}
	_, err = ask[struct{}](ctx, c, http.MethodPost, "/v1/checked", text...)
	return err
}

// maxCheckedText bounds the text of a Checked, in bytes.
const maxCheckedText = 256 << 10

func (h *Handler) checked(r *http.Request) (any, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxCheckedText+1))
	if err != nil {
		return nil, fmt.Errorf("read what was found: %w", err)
	}
	var found Checked
	if len(text) > maxCheckedText {
		return nil, apiErrorf(http.StatusRequestEntityTooLarge, "what was found has more than %d bytes", maxCheckedText)
	}
	if err := json.Unmarshal(text, &found); err != nil || len(found.Findings) > MaxChecked {
		return nil, apiErrorf(http.StatusBadRequest, "what was found is not understood: %v", err)
	}
	h.daemon.Checked(found)
	return struct{}{}, nil
}

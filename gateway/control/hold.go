package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A holdLine is what the daemon tells whoever has made a hold, once it holds.
type holdLine struct {
	Held bool `json:"held"`
}

// Hold has new requests of a site's docroot wait, and returns when none runs. They wait
// until the caller closes the hold, and no longer than the caller lives: the hold ends
// with its connection. If some run longer than the limit, nothing is held and the error
// is a *[BusyError]. Lost is closed when the daemon has ended the hold by itself.
func (c *Client) Hold(ctx context.Context, at SiteAddress, limit time.Duration) (hold io.Closer, lost <-chan struct{}, err error) {
	body, err := c.open(ctx, http.MethodPost, at.path("/hold", "timeout", limit.String()))
	if err != nil {
		return nil, nil, err
	}
	lines := json.NewDecoder(body)
	var first holdLine
	if err := lines.Decode(&first); err != nil || !first.Held {
		body.Close()
		return nil, nil, c.unreadable(errors.Join(err, errors.New("no hold was made")))
	}
	ended := make(chan struct{})
	go func() { // until the hold is closed, or the daemon ends it
		defer close(ended)
		for lines.Decode(&first) == nil {
		}
	}()
	return body, ended, nil
}

// hold holds requests for as long as the client keeps the connection open.
func (h *Handler) hold(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) { endpoint(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r) }
	q, err := parameters(r, "docroot", "timeout")
	var limit time.Duration
	if err == nil {
		limit, err = limitOf(q, "timeout")
	}
	if err != nil {
		fail(err)
		return
	}
	if !h.waits.beginHold() {
		fail(errMoved)
		return
	}
	defer h.waits.endHold()
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	letGo, left, err := h.daemon.Hold(ctx, r.PathValue("site"), q["docroot"])
	late := ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)
	cancel()
	switch {
	case err != nil && late:
		text := fmt.Sprintf("what runs in the site did not end within %s, so nothing is held any more", limit)
		if !errors.Is(err, context.DeadlineExceeded) {
			text += fmt.Sprintf(": %v", err)
		}
		fail(&apiError{http.StatusConflict, &BusyError{text, left}})
		return
	case err != nil:
		fail(siteError(err))
		return
	}
	defer letGo()
	w.Header().Set("Content-Type", "application/jsonl")
	if json.NewEncoder(w).Encode(holdLine{Held: true}) == nil && http.NewResponseController(w).Flush() == nil {
		<-r.Context().Done()
	}
}

package control

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Deploys are what commands tell a daemon of themselves.
type Deploys interface {
	// Deploying counts a deploy, a flip or a rollback of a site as under way until ended
	// is called, once.
	Deploying(site string) (ended func(), err error)
}

// deploying counts a command as under way for as long as its client keeps the connection
// open. When another process takes over, the client is to tell that.
func (h *Handler) deploying(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) { endpoint(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r) }
	if _, err := parameters(r, "docroot"); err != nil {
		fail(err)
		return
	}
	moved := h.waits.current().Done()
	ended, err := h.daemon.Deploying(r.PathValue("site"))
	if err != nil {
		fail(siteError(err))
		return
	}
	defer ended()
	w.WriteHeader(http.StatusOK)
	http.NewResponseController(w).Flush()
	select {
	case <-r.Context().Done():
	case <-moved:
	}
}

// Deploying tells the daemon, and each that takes over from it, that a deploy of the site
// is under way, until over is called. It is told in the background: a daemon that does not
// listen, or is of a version that does not want to know, is no reason to wait or to fail.
func (c *Client) Deploying(at SiteAddress) (over func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var told sync.WaitGroup
	told.Go(func() {
		for ctx.Err() == nil {
			body, err := c.open(ctx, http.MethodPost, at.path("/deploying"))
			if err != nil {
				return
			}
			io.Copy(io.Discard, body) // until the daemon hands over, or over is called
			body.Close()
			select {
			case <-time.After(movedPause): // the other process may not have the socket alone yet
			case <-ctx.Done():
			}
		}
	})
	return func() {
		cancel()
		told.Wait()
	}
}

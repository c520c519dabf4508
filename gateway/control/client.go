package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httputil"
	"net/url"
	"syscall"
	"time"
)

// A Client asks a running daemon over its control socket. Several goroutines may use
// it at the same time. Its errors are for operators and say what to do.
//
// Each method waits for the answer until its ctx ends, so ctx should have a deadline.
// While the daemon hands over to another process, the Client asks that process.
type Client struct {
	socket string
	users  []string // whose daemons are believed
	most   int64    // how much of one answer is read, in bytes
	http   http.Client
}

// NewClient makes a client of the control socket at a path. It believes a daemon that
// runs as root, as the caller, or as one of the users, by name or number; any other is
// a [*DisbelievedError]. It connects anew for each request, so there is nothing to close.
func NewClient(socket string, users ...string) *Client {
	c := &Client{socket: socket, users: users, most: maxAnswer}
	c.http.Transport = &http.Transport{DialContext: c.dial, DisableKeepAlives: true}
	return c
}

// Status asks for the daemon, its pools and its sites.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return askAgain[Status](ctx, c, http.MethodGet, "/v1/status")
}

// Page passes requests for the page on to the daemon.
func (c *Client) Page() http.Handler {
	return &httputil.ReverseProxy{
		Transport:     c.http.Transport,
		FlushInterval: -1, // events are to arrive when they happen
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "realdocd"
			r.Out.URL.Path = "/page" + r.In.URL.Path
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, fmt.Sprintf("realdocd does not answer: %v", err), http.StatusBadGateway)
		},
	}
}

// View asks what the daemon sees of its surroundings.
func (c *Client) View(ctx context.Context) (View, error) {
	return askAgain[View](ctx, c, http.MethodGet, "/v1/view")
}

// Ready asks whether the daemon can serve requests; of one pool, if that is not "".
func (c *Client) Ready(ctx context.Context, pool string) (Readiness, error) {
	query := ""
	if pool != "" {
		query = "?" + url.Values{"pool": {pool}}.Encode()
	}
	return askAgain[Readiness](ctx, c, http.MethodGet, "/v1/ready"+query)
}

// Requests asks what runs now: of one site, or with "" everywhere.
func (c *Client) Requests(ctx context.Context, site string) (Requests, error) {
	query := ""
	if site != "" {
		query = "?" + url.Values{"site": {site}}.Encode()
	}
	return askAgain[Requests](ctx, c, http.MethodGet, "/v1/requests"+query)
}

// Pause lets new requests of a pool wait. If drain is above 0, Pause also waits until
// nothing runs in the pool and no connection of it is kept, for at most that long.
// When that takes longer, or ctx ends first, the pool is as it was before, and the
// error says what still runs.
func (c *Client) Pause(ctx context.Context, pool string, drain time.Duration) (PoolStatus, error) {
	query := ""
	if drain > 0 {
		query = "?drain=" + drain.String()
	}
	return ask[PoolStatus](ctx, c, http.MethodPost, poolPath(pool, "pause")+query)
}

// Resume lets the requests that wait go on. A drain of the pool that waits fails.
func (c *Client) Resume(ctx context.Context, pool string) (PoolStatus, error) {
	return ask[PoolStatus](ctx, c, http.MethodPost, poolPath(pool, "resume"))
}

func poolPath(pool, verb string) string { return "/v1/pools/" + url.PathEscape(pool) + "/" + verb }

// A SiteAddress names a site. If the site's docroot is a pattern, Docroot says which
// one is meant; otherwise it may be "".
type SiteAddress struct{ Site, Docroot string }

// path is the path below which the API has the site, with a verb such as "/look", and
// names and values of parameters in turn.
func (a SiteAddress) path(verb string, parameters ...string) string {
	query := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	if a.Docroot != "" {
		query.Set("docroot", a.Docroot)
	}
	path := "/v1/sites/" + url.PathEscape(a.Site) + verb
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// Site asks who is inside which release of a site.
func (c *Client) Site(ctx context.Context, at SiteAddress) (SiteDetail, error) {
	return askAgain[SiteDetail](ctx, c, http.MethodGet, at.path(""))
}

// Look has the daemon look at the site's link at once. by says which command has
// flipped it: "flip", "rollback", "deploy", "canary", "fleet" or "catch-up".
func (c *Client) Look(ctx context.Context, at SiteAddress, by string) (SiteDetail, error) {
	return askAgain[SiteDetail](ctx, c, http.MethodPost, at.path("/look", "by", by))
}

// DrainRelease waits until nobody is inside a release that is not live. If that takes
// longer than the limit, the error is a [*BusyError]. Pins that lead there are ended, or
// waited for first. The release is the absolute path of its directory, here as in Warm and
// Headroom.
func (c *Client) DrainRelease(ctx context.Context, at SiteAddress, release string, limit time.Duration, pins Pins) (SiteDetail, error) {
	query := []string{"release", release, "timeout", limit.String()}
	if pins != PinsEnd { // which a daemon does that does not know of pins
		query = append(query, "pins", string(pins))
	}
	return ask[SiteDetail](ctx, c, http.MethodPost, at.path("/drain", query...))
}

// Warm runs the site's warm-up on a release, up to the first request that fails.
func (c *Client) Warm(ctx context.Context, at SiteAddress, release string) ([]WarmResult, error) {
	return askAgain[[]WarmResult](ctx, c, http.MethodPost, at.path("/warm", "release", release))
}

// Headroom asks whether FPM can read a release, and has room for it.
func (c *Client) Headroom(ctx context.Context, at SiteAddress, release string) (Headroom, error) {
	return askAgain[Headroom](ctx, c, http.MethodPost, at.path("/headroom", "release", release))
}

// Compile has each FPM compile in a release what it has of the live one.
func (c *Client) Compile(ctx context.Context, at SiteAddress, release string) ([]CompiledResult, error) {
	return askAgain[[]CompiledResult](ctx, c, http.MethodPost, at.path("/compile", "release", release))
}

// MakeRoom has a full opcache begin anew with what is live, unseen.
func (c *Client) MakeRoom(ctx context.Context, at SiteAddress) ([]RoomResult, error) {
	return askAgain[[]RoomResult](ctx, c, http.MethodPost, at.path("/room"))
}

// Forget has opcache count what it has of a release, which is not live, as wasted.
func (c *Client) Forget(ctx context.Context, at SiteAddress, release string) ([]ForgottenResult, error) {
	return askAgain[[]ForgottenResult](ctx, c, http.MethodPost, at.path("/forget", "release", release))
}

// A BusyError says that a release did not drain in time.
type BusyError struct {
	text string
	// Inside are those that were left in the release, the oldest first.
	Inside []Occupant
}

func (e *BusyError) Error() string { return e.text }

// IsNotRunning says whether an error of a [Client] means that no daemon listens, so
// that no request of a visitor goes through one.
func IsNotRunning(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Client asks a running daemon over its control socket. Its errors are
// for operators, and say what to do.
type Client struct {
	socket string
	http   http.Client
}

// NewClient makes a client of the control socket at the path. It does
// not connect yet.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &Client{socket, http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks for the state of the daemon.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, http.MethodGet, "/v1/status")
}

// View asks what the daemon sees of its surroundings.
func (c *Client) View(ctx context.Context) (View, error) {
	return ask[View](ctx, c, http.MethodGet, "/v1/view")
}

// Pause lets new requests of the pool wait. With a drain above 0 it also waits
// for so long until nothing runs in the pool and no connection to it is kept;
// when that is not reached, or ctx ends first, the pool is as it was before.
func (c *Client) Pause(ctx context.Context, pool string, drain time.Duration) (PoolStatus, error) {
	query := ""
	if drain > 0 {
		query = "?drain=" + drain.String()
	}
	return ask[PoolStatus](ctx, c, http.MethodPost, poolPath(pool, "pause")+query)
}

// Resume lets the requests that wait go on, and ends drains that wait.
func (c *Client) Resume(ctx context.Context, pool string) (PoolStatus, error) {
	return ask[PoolStatus](ctx, c, http.MethodPost, poolPath(pool, "resume"))
}

func poolPath(pool, verb string) string { return "/v1/pools/" + url.PathEscape(pool) + "/" + verb }

// A SiteAddress names a site and, where its docroot is a pattern, the docroot
// that is meant.
type SiteAddress struct{ Site, Docroot string }

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
	return ask[SiteDetail](ctx, c, http.MethodGet, at.path(""))
}

// Look has the daemon look at the site's link at once. by is who has flipped
// it: "flip", "rollback" or "deploy".
func (c *Client) Look(ctx context.Context, at SiteAddress, by string) (SiteDetail, error) {
	return ask[SiteDetail](ctx, c, http.MethodPost, at.path("/look", "by", by))
}

// DrainRelease waits until nothing is left in a release that is not live. The
// error is a *BusyError when that takes longer than the limit.
func (c *Client) DrainRelease(ctx context.Context, at SiteAddress, release string, limit time.Duration) (SiteDetail, error) {
	return ask[SiteDetail](ctx, c, http.MethodPost, at.path("/drain", "release", release, "timeout", limit.String()))
}

// Warm runs the site's warm-up on a release, up to the first request that fails.
func (c *Client) Warm(ctx context.Context, at SiteAddress, release string) ([]WarmResult, error) {
	return ask[[]WarmResult](ctx, c, http.MethodPost, at.path("/warm", "release", release))
}

// Headroom asks whether FPM can read a release, and has room for it.
func (c *Client) Headroom(ctx context.Context, at SiteAddress, release string) (Headroom, error) {
	return ask[Headroom](ctx, c, http.MethodPost, at.path("/headroom", "release", release))
}

// A BusyError is a release that did not drain in time.
type BusyError struct {
	text string
	// Inside are those that were left in it, the oldest first.
	Inside []Occupant
}

func (e *BusyError) Error() string { return e.text }

// IsNotRunning says whether an error of a Client means that no daemon
// listens, so that nothing goes through one.
func IsNotRunning(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

func ask[T any](ctx context.Context, c *Client, method, path string) (got T, err error) {
	body, err := c.open(ctx, method, path)
	if err != nil {
		return got, err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(&got); err != nil {
		return got, c.unreadable(err)
	}
	return got, nil
}

// open asks, and gives the body of a good answer, which the caller closes.
func (c *Client) open(ctx context.Context, method, path string) (io.ReadCloser, error) {
	rq, err := http.NewRequestWithContext(ctx, method, "http://realdocd"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask realdocd: %w", err)
	}
	answer, err := c.http.Do(rq)
	if err != nil {
		return nil, c.explain(err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	var failure apiFailure
	decoded := json.NewDecoder(answer.Body).Decode(&failure)
	if failure.Moved {
		time.Sleep(movedPause) // until the other process has the socket alone
		return c.open(ctx, method, path)
	}
	if decoded != nil || failure.Error == "" {
		path, _, _ = strings.Cut(path, "?")
		return nil, fmt.Errorf("what listens on %s is not realdocd: it answers %s to %s", c.socket, answer.Status, path)
	}
	if len(failure.Inside) > 0 {
		return nil, &BusyError{failure.Error, failure.Inside}
	}
	return nil, errors.New(failure.Error)
}

func (c *Client) unreadable(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return c.explain(err)
	}
	return fmt.Errorf("read the answer on %s: %w", c.socket, err)
}

// explain says what to do about a daemon that was not reached.
func (c *Client) explain(err error) error {
	// Its method and URL are of no use to an operator.
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	switch {
	case IsNotRunning(err):
		return fmt.Errorf("realdocd does not run, or its control socket is elsewhere: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the control socket is for its owner and %s: become one of them, or root: %w", c.group(), err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("realdocd does not answer on %s: its log may say why", c.socket)
	}
	return fmt.Errorf("ask realdocd on %s: %w", c.socket, err)
}

// group names the group of the socket, as well as that can be known.
func (c *Client) group() string {
	fi, err := os.Stat(c.socket)
	if err != nil {
		return "its group" // the directory is closed to us too
	}
	id := strconv.Itoa(int(fi.Sys().(*syscall.Stat_t).Gid))
	if g, err := user.LookupGroupId(id); err == nil {
		return "the group " + g.Name
	}
	return "the group " + id
}

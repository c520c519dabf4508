package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// A ControlClient asks a running daemon over its control socket. Its errors are
// for operators, and say what to do.
type ControlClient struct {
	socket string
	http   http.Client
}

// NewControlClient makes a client of the control socket at the path. It does
// not connect yet.
func NewControlClient(socket string) *ControlClient {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &ControlClient{socket, http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks for the state of the daemon.
func (c *ControlClient) Status(ctx context.Context) (Status, error) {
	return askDaemon[Status](ctx, c, http.MethodGet, "/v1/status")
}

// Pause lets new requests of the pool wait. With a drain above 0 it also waits
// for so long until nothing runs in the pool and no connection to it is kept;
// when that is not reached, or ctx ends first, the pool is as it was before.
func (c *ControlClient) Pause(ctx context.Context, pool string, drain time.Duration) (PoolStatus, error) {
	query := ""
	if drain > 0 {
		query = "?drain=" + drain.String()
	}
	return askDaemon[PoolStatus](ctx, c, http.MethodPost, poolPath(pool, "pause")+query)
}

// Resume lets the requests that wait go on, and ends drains that wait.
func (c *ControlClient) Resume(ctx context.Context, pool string) (PoolStatus, error) {
	return askDaemon[PoolStatus](ctx, c, http.MethodPost, poolPath(pool, "resume"))
}

func poolPath(pool, verb string) string { return "/v1/pools/" + url.PathEscape(pool) + "/" + verb }

func askDaemon[T any](ctx context.Context, c *ControlClient, method, path string) (got T, err error) {
	rq, err := http.NewRequestWithContext(ctx, method, "http://realdocd"+path, nil)
	if err != nil {
		return got, fmt.Errorf("ask realdocd: %w", err)
	}
	answer, err := c.http.Do(rq)
	if err != nil {
		return got, c.explain(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		var failure apiFailure
		if json.NewDecoder(answer.Body).Decode(&failure) != nil || failure.Error == "" {
			return got, fmt.Errorf("what listens on %s is not realdocd: it answers %s to %s", c.socket, answer.Status, path)
		}
		return got, errors.New(failure.Error)
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		return got, fmt.Errorf("read the answer on %s: %w", c.socket, err)
	}
	return got, nil
}

// explain says what to do about a daemon that was not reached.
func (c *ControlClient) explain(err error) error {
	// Its method and URL are of no use to an operator.
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("realdocd does not run, or its control socket is elsewhere: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the control socket is for its owner and %s: become one of them, or root: %w", c.group(), err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("realdocd does not answer on %s: its log may say why", c.socket)
	}
	return fmt.Errorf("ask realdocd on %s: %w", c.socket, err)
}

// group names the group of the socket, as well as that can be known.
func (c *ControlClient) group() string {
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

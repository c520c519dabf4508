package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// askAgain is ask for what does no harm if it is done twice: if whom it asks ends without an
// answer, as a process does that hands over, it asks who is there then.
func askAgain[T any](ctx context.Context, c *Client, method, path string) (got T, err error) {
	got, err = ask[T](ctx, c, method, path)
	if !isCut(err) {
		return got, err
	}
	select {
	case <-time.After(movedPause):
		return ask[T](ctx, c, method, path)
	case <-ctx.Done():
		return got, err
	}
}

// isCut says whether an error is of a connection that ended before the answer did.
func isCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// ask asks, and reads the answer as a T.
func ask[T any](ctx context.Context, c *Client, method, path string, content ...byte) (got T, err error) {
	body, err := c.open(ctx, method, path, content...)
	if err != nil {
		return got, err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(&got); err != nil {
		return got, c.unreadable(err)
	}
	return got, nil
}

// open asks, and gives the body of a good answer. The caller closes it.
func (c *Client) open(ctx context.Context, method, path string, content ...byte) (*boundedBody, error) {
	for {
		rq, err := http.NewRequestWithContext(ctx, method, "http://realdocd"+path, bytes.NewReader(content))
		if err != nil {
			return nil, fmt.Errorf("ask realdocd: %w", err)
		}
		answer, err := c.http.Do(rq)
		if err != nil {
			return nil, c.explain(err)
		}
		body := &boundedBody{answer.Body, c.most, c.most}
		if answer.StatusCode == http.StatusOK {
			return body, nil
		}
		answer.Body = body
		err = c.refusal(answer, path)
		answer.Body.Close()
		if !errors.Is(err, errMoved) {
			return nil, err
		}
		select {
		case <-time.After(movedPause): // the other process may not have the socket alone yet
		case <-ctx.Done():
			return nil, c.explain(ctx.Err())
		}
	}
}

// maxAnswer is how much of one answer is read, in bytes: what listens may not be realdocd.
const maxAnswer = 256 << 20

// A boundedBody is an answer that may not be longer than a bound, in bytes.
type boundedBody struct {
	io.ReadCloser
	most, left int64
}

// goesOn is called when a part has come of an answer that goes on for as long as something
// does: the bound is then for the next part.
func (b *boundedBody) goesOn() { b.left = b.most }

var errAnswerTooLong = errors.New("it is longer than any of realdocd's")

// Read reads up to the bound. What has more ends with an error there.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if int64(n) > b.left {
		return int(b.left), errAnswerTooLong
	}
	b.left -= int64(n)
	return n, err
}

// refusal reads an answer that is not good. The error is errMoved if the process that
// takes over has to be asked.
func (c *Client) refusal(answer *http.Response, path string) error {
	var failure apiFailure
	err := json.NewDecoder(answer.Body).Decode(&failure)
	switch {
	case failure.Moved:
		return errMoved
	case err != nil || failure.Error == "":
		path, _, _ = strings.Cut(path, "?")
		return fmt.Errorf("what listens on %s is not realdocd: it answers %s to %s", c.socket, answer.Status, path)
	case len(failure.Inside) > 0:
		return &BusyError{failure.Error, failure.Inside}
	}
	return errors.New(failure.Error)
}

// unreadable is the error for an answer that ended too early or is not JSON.
func (c *Client) unreadable(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return c.explain(err)
	}
	return fmt.Errorf("read the answer on %s: %w", c.socket, err)
}

// explain says what to do about a daemon that was not reached.
func (c *Client) explain(err error) error {
	// The method and the URL do not help an operator.
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	switch disbelieved := (*DisbelievedError)(nil); {
	case errors.As(err, &disbelieved):
		return disbelieved
	case IsNotRunning(err):
		return fmt.Errorf("realdocd does not run, or its control socket is elsewhere: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the control socket is for its owner and %s: become one of them, or root: %w", c.group(), err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("realdocd does not answer on %s: its log may say why", c.socket)
	}
	return fmt.Errorf("ask realdocd on %s: %w", c.socket, err)
}

// group names the group of the socket.
func (c *Client) group() string {
	fi, err := os.Stat(c.socket)
	if err != nil {
		return "its group" // we may not look into the directory either
	}
	id := strconv.Itoa(int(fi.Sys().(*syscall.Stat_t).Gid))
	if g, err := user.LookupGroupId(id); err == nil {
		return "the group " + g.Name
	}
	return "the group " + id
}

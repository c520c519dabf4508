//go:build !noetcd

package fleet

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// told makes the error of a call, and keeps since when calls fail. One that the caller has ended says nothing
// of etcd.
func (e *Etcd) told(ctx context.Context, doing string, err error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		e.since = time.Time{}
		return nil
	}
	var told *StoreError
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.As(err, &told) {
		return err
	}
	fault := faultOf(err)
	since := time.Now()
	switch fault {
	case FaultForgotten, FaultTooLarge, FaultOther: // etcd has answered
	default:
		if e.since.IsZero() {
			e.since = since
		}
		since = e.since
	}
	return &StoreError{fault, doing, strings.Join(e.config.Endpoints, " "), since, plainly(err)}
}

// faultOf tells the kinds apart by what etcd, gRPC and the TLS library say.
func faultOf(err error) Fault {
	text := err.Error()
	says := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		return FaultForgotten
	case errors.Is(err, rpctypes.ErrAuthFailed), errors.Is(err, rpctypes.ErrUserEmpty), errors.Is(err, rpctypes.ErrInvalidAuthToken),
		errors.Is(err, rpctypes.ErrAuthNotEnabled), says("authentication failed", "user name is empty", "invalid auth token"):
		return FaultPassword
	case errors.Is(err, rpctypes.ErrPermissionDenied), says("permission denied"):
		return FaultForbidden
	case errors.Is(err, rpctypes.ErrNoSpace), says("database space exceeded"):
		return FaultFull
	case errors.Is(err, rpctypes.ErrRequestTooLarge), says("request is too large", "larger than max"):
		return FaultTooLarge
	case errors.Is(err, rpctypes.ErrTooManyRequests), says("too many requests"):
		return FaultBusy
	case errors.Is(err, rpctypes.ErrNoLeader), errors.Is(err, rpctypes.ErrTimeout), errors.Is(err, rpctypes.ErrTimeoutDueToLeaderFail),
		says("no leader", "etcdserver: request timed out", "leader changed"):
		return FaultLeaderless
	case says("x509:", "tls:", "authentication handshake failed", "our certificate for etcd", "first record does not look like a TLS handshake"):
		return FaultCertificate
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errSilent),
		says("connection error", "connection refused", "transport", "Unavailable", "DeadlineExceeded", "EOF", "reset by peer", "the watch has ended"):
		return FaultUnreachable
	}
	return FaultOther
}

// plainly leaves out of an error what only says that it came through gRPC.
func plainly(err error) error {
	text := err.Error()
	for _, noise := range []string{
		`rpc error: code = Unavailable desc = `, `rpc error: code = DeadlineExceeded desc = `, `rpc error: code = Unknown desc = `,
		`rpc error: code = InvalidArgument desc = `, `rpc error: code = ResourceExhausted desc = `, `rpc error: code = PermissionDenied desc = `, `last connection error: `, `connection error: desc = `, `transport: `,
		`Error while dialing: `, `etcdserver: `, `latest balancer error: `,
	} {
		text = strings.ReplaceAll(text, noise, "")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		text = "no answer"
	}
	return &plainError{strings.Trim(text, `"`), err}
}

type plainError struct {
	text string
	err  error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.err }

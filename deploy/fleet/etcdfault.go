package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Fault is a kind of trouble with a store.
type Fault string

const (
	FaultUnreachable Fault = "unreachable"
	FaultLeaderless  Fault = "leaderless" // too few of the store's servers are there
	FaultPassword    Fault = "password"
	FaultForbidden   Fault = "forbidden"
	FaultCertificate Fault = "certificate"
	FaultFull        Fault = "full"
	FaultTooLarge    Fault = "too large"
	FaultBusy        Fault = "busy"
	FaultForgotten   Fault = "forgotten" // a lease is over
	FaultOther       Fault = "other"
)

// what an operator has to do.
var remedies = map[Fault]string{
	FaultUnreachable: "look whether etcd runs there, this host can reach it and, with https, whether etcd takes this host's certificate",
	FaultLeaderless:  "most servers of etcd are away or cannot reach each other: start them (etcdctl endpoint status --cluster)",
	FaultPassword:    "look at user and password in [fleet], and at etcdctl user list",
	FaultForbidden:   "the user, of [fleet] or of the certificate, lacks a right: an agent may read PREFIX/GROUP/ and write what its host says, and only who commits may write all of it; see the roles in realdocd-fleet(7)",
	FaultCertificate: "look at ca_file, cert_file and key_file in [fleet], and whether the certificates are valid for these names and still in date",
	FaultFull:        "etcd's disk quota is used up: compact and defragment it, then etcdctl alarm disarm",
	FaultTooLarge:    "etcd takes no more at once: have the site keep fewer releases (keep, in [site])",
	FaultBusy:        "etcd has more to do than its disk or network can follow: see its log, and what else uses it",
}

// A StoreError says why a call of a store failed, since when calls fail, and what to do.
type StoreError struct {
	Fault Fault
	Doing string
	Store string    // where it is
	Since time.Time // when calls began to fail
	Err   error
}

func (e *StoreError) Error() string {
	text := fmt.Sprintf("%s in etcd (%s): %v", e.Doing, e.Store, e.Err)
	if time.Since(e.Since) > time.Second {
		text += ", as since " + e.Since.Format(time.RFC3339)
	}
	if remedy := remedies[e.Fault]; remedy != "" {
		text += "; " + remedy
	}
	return text
}

func (e *StoreError) Unwrap() error { return e.Err }

// IsFault says whether an error of a store is of a kind.
func IsFault(err error, fault Fault) bool {
	var failed *StoreError
	return errors.As(err, &failed) && failed.Fault == fault
}

// IsAway says whether an error is that a store does not answer, or cannot decide anything: others may
// help it to come back, and what was asked for can be asked again then.
func IsAway(err error) bool {
	return IsFault(err, FaultUnreachable) || IsFault(err, FaultLeaderless) || IsFault(err, FaultBusy) ||
		errors.Is(err, context.DeadlineExceeded)
}

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/rs/zerolog"
)

// An Answer is what a script of ours has answered from within PHP-FPM.
type Answer struct {
	Status int
	Body   []byte
	text   string
}

// String is the answer in a line, for an error.
func (a Answer) String() string { return a.text }

// AskScript has FPM at addr, a unix socket's path or "host:port", run a script by
// its absolute path, with more params. It takes an ordinary worker of the pool.
// ctx bounds the wait and must come to an end. Whether the body is complete, the
// caller has to see from it.
func AskScript(ctx context.Context, addr, script string, params map[string]string) (Answer, error) {
	answer, err := runProbe(ctx, addr, script, params)
	if err != nil {
		return Answer{}, err
	}
	return Answer{answer.status, answer.body.text.Bytes(), answer.String()}, nil
}

// ListenerPID is the process that began to listen on a unix socket, FPM's master
// (SO_PEERCRED in unix(7)).
func ListenerPID(addr string) (int, error) {
	if !isUnix(addr) {
		return 0, fmt.Errorf("%s is no unix socket: who listens there cannot be told", addr)
	}
	pid, err := newPool(PoolConfig{Servers: []string{addr}}, zerolog.Nop()).servers[0].whoListens()
	return int(pid), err
}

// A PoolPage is what FPM's status page says of a pool as a whole.
type PoolPage struct {
	Pool    string `json:"pool"`
	Manager string `json:"process manager"` // "static", "dynamic" or "ondemand"
	Total   int    `json:"total processes"`
	// Reached counts how often all of pm.max_children were needed, since FPM's start.
	Reached int `json:"max children reached"`
}

// AskPoolPage asks a pool's pm.status_listen at addr for the page pm.status_path.
// ctx bounds the wait and must come to an end.
func AskPoolPage(ctx context.Context, addr, path string) (PoolPage, error) {
	answer, err := askFPM(ctx, addr, map[string]string{
		"REQUEST_METHOD": http.MethodGet, "SCRIPT_NAME": path, "SCRIPT_FILENAME": path,
		"QUERY_STRING": "json", "REQUEST_URI": path + "?json", "SERVER_PROTOCOL": "HTTP/1.1",
	})
	if err != nil {
		return PoolPage{}, err
	}
	var page PoolPage
	switch {
	case answer.status == http.StatusNotFound:
		return PoolPage{}, fmt.Errorf("the listener has no pm.status_path = %s", path)
	case answer.status != http.StatusOK:
		return PoolPage{}, fmt.Errorf("it answered %v", answer)
	case json.Unmarshal(answer.body.text.Bytes(), &page) != nil || page.Pool == "":
		return PoolPage{}, errors.New("what it answers is not the page of pm.status_path")
	}
	return page, nil
}

// SmugglingFault says whether a version of PHP-FPM takes the unread rest of a
// request's body for the next request on a kept connection; nil where it does not.
func SmugglingFault(version string) error { return hasSmugglingFix(version) }

// ErrBacklogFull is in the error of a ServerCheck where FPM has no room for a
// connection.
var ErrBacklogFull = errBacklogFull

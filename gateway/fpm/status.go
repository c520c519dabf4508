package fpm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"realdocd/gateway/sock"
)

// A Worker is one worker as FPM's status page describes it. The texts are
// FPM's: "-" for none, and without the bytes that are not UTF-8.
//
// If Script is named and State is not "Idle", the script may be running.
// More the states do not tell: a script that has called fastcgi_finish_request
// is "Finishing", but "Running" on a kept connection; "Finishing" is also the
// worker of an ended request that waits for our side to close.
type Worker struct {
	PID int
	// State is "Idle", "Reading headers" (as of a kept connection between two
	// requests), "Getting request informations", "Running", "Ending" or
	// "Finishing".
	State string
	// Duration is how long the request has run; of an idle worker, how long
	// its last one did, as everything below.
	Duration time.Duration
	Method   string
	// URI is SCRIPT_NAME and the query string, not REQUEST_URI; FPM keeps 127
	// bytes of the name.
	URI string
	// Script is SCRIPT_FILENAME as it was sent; FPM keeps MaxScript bytes.
	Script string
	// Memory is the most that its last request has used, in bytes; 0 while it runs one.
	Memory int64
}

// MaxScript is how much of SCRIPT_FILENAME FPM's status has, in bytes.
const MaxScript = 255

// AskWorkers asks the pool's pm.status_listen at addr for the page pm.status_path. It
// answers while every worker of the pool is busy. ctx bounds the wait and must come to an
// end.
func AskWorkers(ctx context.Context, addr sock.Addr, path string) ([]Worker, error) {
	page, err := askStatus(ctx, addr, path, "full&json")
	if err != nil {
		return nil, err
	}
	workers, err := parseWorkers(page)
	if err != nil {
		return nil, fmt.Errorf("read the status of FPM at %s: %w", addr, err)
	}
	return workers, nil
}

// A Page is what FPM's status page says of a pool as a whole.
type Page struct {
	Pool    string `json:"pool"`
	Manager string `json:"process manager"` // "static", "dynamic" or "ondemand"
	Total   int    `json:"total processes"`
	Active  int    `json:"active processes"`
	Queue   int    `json:"listen queue"` // connections that no worker has taken yet
	// Reached counts how often all of pm.max_children were needed, since FPM's start.
	Reached int `json:"max children reached"`

	Idle int `json:"idle processes"`
	// MaxQueue and MaxActive are the most since FPM's start; QueueLen is the size of the
	// backlog.
	MaxQueue  int `json:"max listen queue"`
	QueueLen  int `json:"listen queue len"`
	MaxActive int `json:"max active processes"`
	// Accepted counts requests since FPM's start, Slow those above request_slowlog_timeout.
	Accepted int64 `json:"accepted conn"`
	Slow     int64 `json:"slow requests"`
	// Start is when FPM began, in Unix seconds.
	Start int64 `json:"start time"`
}

// AskFull asks for both: the pool as a whole, and its workers. ctx bounds the wait and must
// come to an end.
func AskFull(ctx context.Context, addr sock.Addr, path string) (Page, []Worker, error) {
	text, err := askStatus(ctx, addr, path, "full&json")
	if err != nil {
		return Page{}, nil, err
	}
	var page Page
	workers, err := parseWorkers(text)
	if err == nil {
		err = json.Unmarshal(text, &page)
	}
	if err != nil {
		return Page{}, nil, fmt.Errorf("read the status of FPM at %s: %w", addr, err)
	}
	return page, workers, nil
}

// AskPage asks a pool's pm.status_listen at addr for the page pm.status_path, without the
// workers. ctx bounds the wait and must come to an end.
func AskPage(ctx context.Context, addr sock.Addr, path string) (Page, error) {
	text, err := askStatus(ctx, addr, path, "json")
	if err != nil {
		return Page{}, err
	}
	var page Page
	if json.Unmarshal(text, &page) != nil || page.Pool == "" {
		return Page{}, fmt.Errorf("ask FPM at %s for its status: what it answers is not the page of pm.status_path", addr)
	}
	return page, nil
}

// askStatus gets the page in one of its kinds.
func askStatus(ctx context.Context, addr sock.Addr, path, kind string) ([]byte, error) {
	answer, err := run(ctx, addr, map[string]string{
		"REQUEST_METHOD": http.MethodGet, "SCRIPT_NAME": path, "SCRIPT_FILENAME": path,
		"QUERY_STRING": kind, "REQUEST_URI": path + "?" + kind, "SERVER_PROTOCOL": "HTTP/1.1",
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask FPM at %s for its status: %w", addr, err)
	case answer.Status == http.StatusNotFound:
		return nil, fmt.Errorf("ask FPM at %s for its status: the listener has no pm.status_path = %s", addr, path)
	case answer.Status != http.StatusOK:
		return nil, fmt.Errorf("ask FPM at %s for its status: it answered %v", addr, answer)
	}
	return answer.Body(), nil
}

// parseWorkers reads the page. That it parses is also the proof that it is
// complete.
func parseWorkers(page []byte) ([]Worker, error) {
	var status struct {
		Processes []struct {
			PID      int    `json:"pid"`
			State    string `json:"state"`
			Duration int64  `json:"request duration"` // µs
			Method   string `json:"request method"`
			URI      string `json:"request uri"`
			Script   string `json:"script"`
			Memory   int64  `json:"last request memory"`
		} `json:"processes"`
	}
	if err := json.Unmarshal(page, &status); err != nil {
		return nil, fmt.Errorf("%.100q is no complete JSON: %w", page, err)
	}
	if status.Processes == nil {
		return nil, errors.New("it names no processes: not the page of pm.status_path")
	}
	workers := make([]Worker, 0, len(status.Processes))
	for _, p := range status.Processes {
		workers = append(workers, Worker{p.PID, p.State, time.Duration(p.Duration) * time.Microsecond, p.Method, p.URI, p.Script, p.Memory})
	}
	return workers, nil
}

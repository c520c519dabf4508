package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// An fpmWorker is one worker as FPM's status page describes it. The texts are
// FPM's: "-" where there is none, and without the bytes that are not UTF-8.
//
// Where Script is named and State is not "Idle", the script may be running.
// More the states do not tell: a script that has called fastcgi_finish_request
// is "Finishing", but "Running" on a kept connection; "Finishing" is also the
// worker of an ended request that waits for our side to close.
type fpmWorker struct {
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
	// Script is SCRIPT_FILENAME as it was sent; FPM keeps 255 bytes.
	Script string
}

// askStatus asks the pool's pm.status_listen at addr, a unix socket's path or
// "host:port", for the page pm.status_path. It answers while every worker of
// the pool is busy. ctx bounds the wait and must come to an end.
func askStatus(ctx context.Context, addr, path string) ([]fpmWorker, error) {
	answer, err := askFPM(ctx, addr, map[string]string{
		"REQUEST_METHOD": http.MethodGet, "SCRIPT_NAME": path, "SCRIPT_FILENAME": path,
		"QUERY_STRING": "full&json", "REQUEST_URI": path + "?full&json", "SERVER_PROTOCOL": "HTTP/1.1",
	})
	if err != nil {
		return nil, fmt.Errorf("ask FPM at %s for its status: %w", addr, err)
	}
	if answer.status == http.StatusNotFound {
		return nil, fmt.Errorf("ask FPM at %s for its status: the listener has no pm.status_path = %s", addr, path)
	}
	if answer.status != http.StatusOK {
		return nil, fmt.Errorf("ask FPM at %s for its status: it answered %v", addr, answer)
	}
	workers, err := parseStatus(answer.body.text.Bytes())
	if err != nil {
		return nil, fmt.Errorf("read the status of FPM at %s: %w", addr, err)
	}
	return workers, nil
}

// parseStatus reads the page. That it parses is also the proof that it is
// complete.
func parseStatus(page []byte) ([]fpmWorker, error) {
	var status struct {
		Processes []struct {
			PID      int    `json:"pid"`
			State    string `json:"state"`
			Duration int64  `json:"request duration"` // µs
			Method   string `json:"request method"`
			URI      string `json:"request uri"`
			Script   string `json:"script"`
		} `json:"processes"`
	}
	if err := json.Unmarshal(page, &status); err != nil {
		return nil, fmt.Errorf("%.100q is no complete JSON: %w", page, err)
	}
	if status.Processes == nil {
		return nil, errors.New("it names no processes: not the page of pm.status_path")
	}
	workers := make([]fpmWorker, 0, len(status.Processes))
	for _, p := range status.Processes {
		workers = append(workers, fpmWorker{p.PID, p.State, time.Duration(p.Duration) * time.Microsecond, p.Method, p.URI, p.Script})
	}
	return workers, nil
}

package control

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// flipCheckEvery is how soon a command learns that its release is not live.
const flipCheckEvery = time.Second

// enter has a command enter a release for as long as the client keeps the
// connection open. When a successor takes over, the client is told to enter
// there, before it leaves here.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) { endpoint(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r) }
	q, err := parameters(r, "docroot", "command", "pid", "release", "age")
	if err != nil {
		fail(err)
		return
	}
	pid, err := strconv.Atoi(q["pid"])
	if err != nil {
		fail(apiErrorf(http.StatusBadRequest, "pid: want a number, not %q", q["pid"]))
		return
	}
	began := time.Now()
	if age, err := time.ParseDuration(q["age"]); err == nil {
		began = began.Add(-age)
	}
	stay, err := h.daemon.Enter(r.PathValue("site"), q["docroot"], q["release"], Command{q["command"], pid, began})
	if err != nil {
		fail(siteError(err))
		return
	}
	defer stay.Leave()
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	out.Encode(stay.Env())
	flush.Flush()
	tick := time.NewTicker(flipCheckEvery)
	defer tick.Stop()
	moved := h.waits.current().Done()
	for told := ""; ; {
		select {
		case <-r.Context().Done():
			return
		case <-moved:
			moved = nil
			out.Encode(map[string]bool{"moved": true})
			flush.Flush()
			continue
		case <-tick.C:
		}
		if live := stay.FlippedTo(); live != "" && live != told {
			told = live
			out.Encode(map[string]string{"flipped": live})
			flush.Flush()
		}
	}
}

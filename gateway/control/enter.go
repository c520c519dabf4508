package control

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// An enterLine is what the daemon tells a command after the first line of the
// answer, a CommandEnv. It has one field set.
type enterLine struct {
	// Flipped is the live release, once it is not the command's any more.
	Flipped string `json:"flipped,omitempty"`
	// Moved is set when another process takes over: enter there.
	Moved bool `json:"moved,omitempty"`
}

// enter has a command enter a release for as long as the client keeps the
// connection open. When another process takes over, the client is told to enter
// there, before it leaves here.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) { endpoint(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r) }
	q, err := parameters(r, "docroot", "command", "pid", "release", "age")
	if err != nil {
		fail(err)
		return
	}
	c := Command{Text: q["command"], Began: time.Now()}
	if c.PID, err = strconv.Atoi(q["pid"]); err != nil {
		fail(apiErrorf(http.StatusBadRequest, "pid: want a number, not %q", q["pid"]))
		return
	}
	if age, err := time.ParseDuration(q["age"]); err == nil {
		c.Began = c.Began.Add(-age)
	}
	moved := h.waits.current().Done()
	stay, err := h.daemon.Enter(r.PathValue("site"), q["docroot"], q["release"], c)
	if err != nil {
		fail(siteError(err))
		return
	}
	defer stay.Leave()
	w.Header().Set("Content-Type", "application/jsonl")
	tell(r.Context(), w, stay, moved)
}

// tell tells a command of its release, and then of flips and of a handover, until
// ctx ends.
func tell(ctx context.Context, w http.ResponseWriter, stay Stay, moved <-chan struct{}) {
	flips := make(chan string)
	go awaitFlips(ctx, stay, flips)
	out := json.NewEncoder(w) // fails only when the client has left, which ends ctx
	flush := http.NewResponseController(w)
	out.Encode(stay.Env())
	for {
		flush.Flush()
		select {
		case <-ctx.Done():
			return
		case <-moved:
			moved = nil
			out.Encode(enterLine{Moved: true})
		case live := <-flips:
			out.Encode(enterLine{Flipped: live})
		}
	}
}

// awaitFlips passes flips on until ctx ends. It is apart from tell, since a look at
// a link can take long, and a handover does not wait for it.
func awaitFlips(ctx context.Context, stay Stay, flips chan<- string) {
	for live := stay.AwaitFlip(ctx); live != ""; live = stay.AwaitFlip(ctx) {
		select {
		case flips <- live:
		case <-ctx.Done():
			return
		}
	}
}

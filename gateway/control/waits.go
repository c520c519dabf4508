package control

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// waits are the requests that wait until something is over. When another process
// takes over, they end, and their clients ask that process.
type waits struct {
	mu    sync.Mutex      // guards ctx, over and holds; count grows only under it
	ctx   context.Context // ends when another process takes over
	over  context.CancelFunc
	count sync.WaitGroup
	holds int // of requests, that there are
}

func newWaits() *waits {
	w := &waits{}
	w.begin()
	return w
}

func (w *waits) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.over = context.WithCancel(context.Background())
}

// end ends all requests that wait, and returns when they have undone what they did. It
// does nothing and fails while there is a hold: what is held here the other process would
// not hold, and a command runs that counts on it.
func (w *waits) end() error {
	w.mu.Lock()
	if w.holds > 0 {
		w.mu.Unlock()
		return errors.New("a flip --hold has a site's requests wait: upgrade when it is over")
	}
	w.over()
	w.mu.Unlock()
	w.count.Wait()
	return nil
}

// beginHold counts a hold, until endHold. It gives false if end was called.
func (w *waits) beginHold() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return false
	}
	w.holds++
	return true
}

func (w *waits) endHold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holds--
}

// current is a context that ends when end is called.
func (w *waits) current() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ctx
}

// enter counts a request that begins to wait. It gives false if end was called.
func (w *waits) enter() (context.Context, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return nil, false
	}
	w.count.Add(1)
	return w.ctx, true
}

// errMoved tells a client to ask the other process.
var errMoved = apiErrorf(http.StatusServiceUnavailable, "another process of realdocd takes over: ask again")

// movable makes an endpoint that waits end when another process takes over. One that
// changes what the other process has been told is refused from then on, too.
func (w *waits) movable(e endpoint) endpoint {
	return func(r *http.Request) (any, error) {
		over, ok := w.enter()
		if !ok {
			return nil, errMoved
		}
		defer w.count.Done()
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(over, cancel)()
		answer, err := e(r.WithContext(ctx))
		if err != nil && over.Err() != nil && r.Context().Err() == nil {
			return nil, errMoved
		}
		return answer, err
	}
}

package control

import (
	"context"
	"net/http"
	"sync"
)

// waits are the requests of operators that wait for something to be over. When a
// successor takes over they end, and the client asks that one: only it knows
// what runs in both.
type waits struct {
	mu    sync.Mutex
	ctx   context.Context
	over  context.CancelFunc
	count sync.WaitGroup
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

// end ends all that wait, and returns when they have undone what they did.
func (w *waits) end() {
	w.mu.Lock()
	w.over()
	w.mu.Unlock()
	w.count.Wait()
}

// current is a context that ends with end.
func (w *waits) current() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ctx
}

// enter counts one that waits; false when end has been called.
func (w *waits) enter() (context.Context, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return nil, false
	}
	w.count.Add(1)
	return w.ctx, true
}

// errMoved is an answer that the successor has to give.
var errMoved = apiErrorf(http.StatusServiceUnavailable, "another process of realdocd takes over: ask again")

// movable has an endpoint that waits end with a handover.
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

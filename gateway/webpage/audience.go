package webpage

import "time"

// An audience are those who look at one view.
type audience struct {
	viewers map[chan []byte]struct{}
	shown   *frame // that they have
}

// show sends a frame to an audience. A viewer that has not taken the one before gets all
// of it at his next turn, so that none misses a change and none is waited for.
func (a *audience) show(f *frame) {
	change := f.since(a.shown)
	a.shown = f
	if change == nil {
		return
	}
	for c := range a.viewers {
		select {
		case c <- change:
		default:
			select {
			case <-c:
			default:
			}
			c <- f.since(nil) // it has room: nobody else sends, and one was taken
		}
	}
}

// join lets somebody look at a view. He gets a channel of updates, of which the first is
// all of the view, until leave; nil if there are too many.
func (p *Page) join(v view) chan []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.viewers >= MaxViewers {
		return nil
	}
	p.viewers++
	a := p.watched[v]
	if a == nil {
		a = &audience{viewers: map[chan []byte]struct{}{}}
		p.watched[v] = a
	}
	updates := make(chan []byte, 1)
	a.viewers[updates] = struct{}{}
	if a.shown != nil {
		updates <- a.shown.since(nil)
	}
	select {
	case p.woken <- struct{}{}:
	default:
	}
	return updates
}

func (p *Page) leave(v view, updates chan []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.watched[v]
	if a == nil {
		return
	}
	if _, in := a.viewers[updates]; !in {
		return
	}
	delete(a.viewers, updates)
	p.viewers--
	p.left = time.Now()
	if len(a.viewers) == 0 {
		delete(p.watched, v)
	}
}

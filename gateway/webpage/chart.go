package webpage

import (
	"cmp"
	"slices"
	"time"
)

// A chart is a docroot's last 15 minutes, as the script of the page draws it: for each
// release a value a step, the oldest first.
type chart struct {
	From  int64        `json:"from"` // when the first step began, in seconds since 1970
	Step  int64        `json:"step"` // seconds
	Bands []chartBand  `json:"bands"`
	Marks []chartMark  `json:"marks"`
	Now   chartMoments `json:"-"`
}

// A chartBand is one release.
type chartBand struct {
	Name     string    `json:"name"`
	Colour   int       `json:"colour"`
	Live     bool      `json:"live"`
	Requests []float64 `json:"requests"` // a second
	Failed   []float64 `json:"failed"`   // a second
	InPHP    []float64 `json:"php"`      // milliseconds a request; -1 for no request

	path   string
	counts [steps]counts
}

// counts are those of one step, or of several.
type counts struct {
	Requests, Failed uint64
	InPHP            float64 // seconds
}

// chartMoments are the numbers of the steps that a chart begins and ends with.
type chartMoments struct{ first, last int64 }

// A chartMark is a Mark in seconds.
type chartMark struct {
	At   float64 `json:"at"`
	Kind string  `json:"kind"`
	Text string  `json:"text"`
}

// chart is that of a docroot, without the marks that others know of. The step that is
// being filled is left out.
func (r *Recent) chart(name, pool string) chart {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := chart{
		From: (r.now - steps + 1) * int64(step/time.Second), Step: int64(step / time.Second),
		Bands: []chartBand{}, Marks: []chartMark{}, Now: chartMoments{r.now - steps + 1, r.now - 1},
	}
	if t := r.tracks[name]; t != nil {
		for _, b := range t.Bands {
			c.Bands = append(c.Bands, b.chart(c.Now, b.Path == t.live))
		}
	}
	for _, m := range r.marks {
		if m.Pool == "" || m.Pool == pool {
			c.add(m)
		}
	}
	return c
}

func (b *band) chart(at chartMoments, live bool) chartBand {
	c := chartBand{Name: b.Name, Colour: b.Colour, Live: live, path: b.Path}
	for n := at.first; n <= at.last; n++ {
		i := n % steps
		now := counts{uint64(b.Requests[i]), uint64(b.Failed[i]), float64(b.InPHP[i])}
		c.counts[n-at.first] = now
		c.Requests = append(c.Requests, now.rate(step))
		c.Failed = append(c.Failed, float64(now.Failed)/step.Seconds())
		c.InPHP = append(c.InPHP, now.mean())
	}
	return c
}

// add adds a mark, if it is not older than the chart.
func (c *chart) add(m Mark) {
	at := float64(m.Time.UnixMilli()) / 1000
	if at < float64(c.From) {
		return
	}
	c.Marks = append(c.Marks, chartMark{at, m.Kind, m.Text})
	slices.SortStableFunc(c.Marks, func(a, b chartMark) int { return cmp.Compare(a.At, b.At) })
}

// sum adds up steps of a band, of which last is the newest.
func (b *chartBand) sum(last, n int) (all counts) {
	for i := max(last-n+1, 0); i <= last; i++ {
		all.Requests += b.counts[i].Requests
		all.Failed += b.counts[i].Failed
		all.InPHP += b.counts[i].InPHP
	}
	return all
}

// total is the whole chart's of a band.
func (b *chartBand) total() counts { return b.sum(steps-2, steps) }

// rate is requests a second over a time.
func (c counts) rate(over time.Duration) float64 { return float64(c.Requests) / over.Seconds() }

// mean is milliseconds a request; -1 if there was none.
func (c counts) mean() float64 {
	if c.Requests == 0 {
		return -1
	}
	return round(c.InPHP / float64(c.Requests) * 1000)
}

func round(ms float64) float64 { return float64(int64(ms*100+0.5)) / 100 }

package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"sync"
	"time"
)

// Load is traffic on the pages of sites: keep-alive clients that ask one URL after the other.
type Load struct {
	URLs     []string
	Clients  int           // default 8
	Post     bool          // POST a small form, which no web server sends twice; default GET
	Rate     float64       // requests a second of all clients, at most; default as many as they can
	Requests int           // at least so many …
	Duration time.Duration // … and for at least so long; with neither, until the context ends
}

// Traffic is a Load that runs.
type Traffic struct {
	counter
	done chan struct{}
}

// Run sends the load and returns its sum.
func (l Load) Run(ctx context.Context) *Tally { return l.Start(ctx).Wait() }

// Start sends the load in the background.
func (l Load) Start(ctx context.Context) *Traffic {
	t := &Traffic{done: make(chan struct{})}
	t.tally.Releases = map[string]int{}
	ctx, enough := context.WithCancel(ctx)
	start := time.Now()
	bounded := l.Requests > 0 || l.Duration > 0
	var tick <-chan time.Time
	if l.Rate > 0 {
		ticker := time.NewTicker(time.Duration(float64(time.Second) / l.Rate))
		context.AfterFunc(ctx, ticker.Stop)
		tick = ticker.C
	}
	var clients sync.WaitGroup
	for c := range cmp.Or(l.Clients, 8) {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
			defer client.CloseIdleConnections()
			for i := c; ctx.Err() == nil; i++ {
				if tick != nil {
					select {
					case <-tick:
					case <-ctx.Done():
						return
					}
				}
				o, err := l.observe(client, l.URLs[i%len(l.URLs)])
				total := t.add(o, err)
				if bounded && total >= l.Requests && time.Since(start) >= l.Duration {
					enough()
				}
			}
		})
	}
	go func() {
		clients.Wait()
		enough()
		close(t.done)
	}()
	return t
}

// Tally is the sum so far.
func (t *Traffic) Tally() *Tally { return t.snapshot() }

// More returns when so many more requests of the traffic have been answered, well or not.
func (s *Stack) More(traffic *Traffic, n int) {
	s.t.Helper()
	want := traffic.Tally().Total + n
	s.check(Poll(func() error {
		if got := traffic.Tally().Total; got < want {
			return fmt.Errorf("%d requests were answered, want %d", got, want)
		}
		return nil
	}))
}

// Run sends loads at the same time while sites are flipped, and returns the sum of each.
func (s *Stack) Run(flips *Flipper, loads ...Load) []*Tally {
	s.t.Helper()
	var running []*Traffic
	for _, load := range loads {
		running = append(running, load.Start(context.Background()))
	}
	var tallies []*Tally
	for _, traffic := range running {
		tallies = append(tallies, traffic.Wait())
	}
	n := must(flips.Stop())(s.t)
	if n == 0 {
		s.t.Fatalf("no flip happened while the load ran")
	}
	for _, tally := range tallies {
		s.t.Logf("%d flips; %v", n, tally)
	}
	return tallies
}

// Wait returns the sum when the load is over.
func (t *Traffic) Wait() *Tally {
	<-t.done
	return t.snapshot()
}

func (l Load) observe(client *http.Client, url string) (*Observation, error) {
	if !l.Post {
		return Observe(client, url)
	}
	resp, err := client.PostForm(url, neturl.Values{"a": {"1"}})
	return observed(url, resp, err)
}

// Observe asks for a site's page once.
func Observe(client *http.Client, url string) (*Observation, error) {
	resp, err := client.Get(url)
	return observed(url, resp, err)
}

func observed(url string, resp *http.Response, err error) (*Observation, error) {
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w after %d bytes", url, err, len(body))
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %.200s", url, resp.Status, body)
	}
	o := new(Observation)
	if err := json.Unmarshal(body, o); err != nil {
		return nil, fmt.Errorf("%s: %w in %.200q", url, err, body)
	}
	return o, nil
}

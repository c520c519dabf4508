package main

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// An openLoad sends requests at a fixed rate, whether the earlier ones were
// answered or not, as visitors do who know nothing of each other.
type openLoad struct {
	url     string
	rate    int // requests a second
	clients int // requests under way at most; what comes beyond is not sent
	length  time.Duration
}

// An outcome is what became of one request.
type outcome struct {
	began  time.Time
	took   time.Duration
	status int // 0: no whole answer
}

// outcomes are those of one load.
type outcomes struct {
	began  time.Time
	unsent int           // for want of a free client
	lag    time.Duration // the most by which a request was sent late

	mu  sync.Mutex
	all []outcome
}

// send returns when the last request is answered.
func (l openLoad) send(ctx context.Context) *outcomes {
	transport := &http.Transport{MaxIdleConnsPerHost: l.clients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	o := &outcomes{began: time.Now()}
	busy := make(chan struct{}, l.clients)
	var underWay sync.WaitGroup
	for n := 0; n < int(l.length.Seconds()*float64(l.rate)) && ctx.Err() == nil; n++ {
		due := o.began.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
		time.Sleep(time.Until(due))
		o.lag = max(o.lag, time.Since(due))
		select {
		case busy <- struct{}{}:
		default:
			o.unsent++
			continue
		}
		began := time.Now()
		underWay.Go(func() {
			o.add(outcome{began: began, status: ask(client, l.url), took: time.Since(began)})
			<-busy
		})
	}
	underWay.Wait()
	return o
}

func (o *outcomes) add(one outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, one)
}

// ask returns the status; 0 if no whole answer came.
func ask(client *http.Client, url string) int {
	answer, err := client.Get(url)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0
	}
	return answer.StatusCode
}

// took is how long the requests with that status took.
func (o *outcomes) took(status int) (times []time.Duration) {
	for _, one := range o.all {
		if one.status == status {
			times = append(times, one.took)
		}
	}
	return times
}

// rate is how many requests a second were answered with that status between
// two moments of the load.
func (o *outcomes) rate(status int, from, to time.Duration) float64 {
	n := 0
	for _, one := range o.all {
		if end := one.began.Add(one.took).Sub(o.began); one.status == status && end >= from && end < to {
			n++
		}
	}
	return float64(n) / (to - from).Seconds()
}

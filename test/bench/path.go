package main

import (
	"context"
	"fmt"
	"time"

	"realdocd/test/stack"
)

// A path is one way from nginx to FPM, and what was measured on it, a value a
// round.
type path struct {
	name string
	url  string
	pids []int // of the proxy between

	rates, p50, p99 []float64 // requests per second, milliseconds
	cpu             []float64 // of the proxy, µs a request
	failed          int
}

// measure loads the path for one round.
func (p *path) measure(ctx context.Context, connections int, length time.Duration) error {
	before, err := p.used()
	if err != nil {
		return err
	}
	r, err := wrk(ctx, p.url, connections, length)
	if err != nil {
		return err
	}
	after, err := p.used()
	if err != nil {
		return err
	}
	p.rates = append(p.rates, r.rate)
	p.p50 = append(p.p50, r.p50)
	p.p99 = append(p.p99, r.p99)
	p.cpu = append(p.cpu, float64((after-before).Microseconds())/r.requests)
	p.failed += r.failed
	return nil
}

// used is the CPU time of the proxy so far.
func (p *path) used() (sum time.Duration, err error) {
	for _, pid := range p.pids {
		u, err := stack.UsageOf(pid)
		if err != nil {
			return 0, err
		}
		sum += u.CPU
	}
	return sum, nil
}

// row is the path's line of the table: what it is of the direct path, and its
// CPU of HAProxy's.
func (p *path) row(direct, haproxy *path) []string {
	cpu, ofHAProxy := "-", "-"
	if len(p.pids) > 0 {
		cpu = fmt.Sprintf("%.1f µs", median(p.cpu))
		ofHAProxy = fmt.Sprintf("%.2f", ratio(p.cpu, haproxy.cpu))
	}
	return []string{
		p.name, fmt.Sprintf("%.0f", median(p.rates)), fmt.Sprintf("%.2f", ratio(p.rates, direct.rates)),
		fmt.Sprintf("%.2f ms", median(p.p50)), fmt.Sprintf("%.2f ms", median(p.p99)),
		fmt.Sprintf("%.2f", ratio(p.p99, direct.p99)), cpu, ofHAProxy, fmt.Sprint(p.failed),
	}
}

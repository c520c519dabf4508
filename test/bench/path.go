package main

import (
	"context"
	"fmt"
	"time"

	"realdocd/test/stack"
)

// A path is one way from nginx to FPM, and what was measured on it with each number of
// clients.
type path struct {
	name    string
	url     string
	lua     string // what wrk does otherwise; "" is nothing
	pids    []int // of the proxy between
	fpm     []int // of FPM's workers, if their CPU time counts too
	base    *path // what it is compared with: nginx straight to the same FPM; nil is itself
	haproxy *path // HAProxy on the same way; nil if it is not compared

	with map[int]*figures // by clients
}

// figures are a value a round.
type figures struct {
	rates, p99 []float64 // requests per second, milliseconds
	over       []float64 // the share of requests that took longer than tooLong
	cpu        []float64 // of the proxy, µs a request
	fpmCPU     []float64 // of FPM
	failed     int
}

// measure loads the path for one round.
func (p *path) measure(ctx context.Context, clients int, length time.Duration) error {
	before, err := used(p.pids)
	if err != nil {
		return err
	}
	beforeFPM, err := used(p.fpm)
	if err != nil {
		return err
	}
	r, err := wrk(ctx, p.url, clients, length, p.lua)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	after, err := used(p.pids)
	if err != nil {
		return err
	}
	afterFPM, err := used(p.fpm)
	if err != nil {
		return err
	}
	if p.with == nil {
		p.with = map[int]*figures{}
	}
	f := p.with[clients]
	if f == nil {
		f = &figures{}
		p.with[clients] = f
	}
	f.rates = append(f.rates, r.rate)
	f.p99 = append(f.p99, r.p99)
	f.over = append(f.over, r.over)
	f.cpu = append(f.cpu, float64((after-before).Microseconds())/r.requests)
	f.fpmCPU = append(f.fpmCPU, float64((afterFPM-beforeFPM).Microseconds())/r.requests)
	f.failed += r.failed
	return nil
}

// used is the CPU time of processes so far.
func used(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		u, err := stack.UsageOf(pid)
		if err != nil {
			return 0, err
		}
		sum += u.CPU
	}
	return sum, nil
}

// of is what the path is of another, in the median round.
func (p *path) of(other *path, clients int, value func(*figures) []float64) float64 {
	return ratio(value(p.with[clients]), value(other.with[clients]))
}

func rates(f *figures) []float64 { return f.rates }
func p99(f *figures) []float64   { return f.p99 }
func cpu(f *figures) []float64   { return f.cpu }

func fpmCPU(f *figures) []float64 { return f.fpmCPU }

// alternate measures all paths in turn, in so many rounds.
func alternate(ctx context.Context, paths []*path, rounds int, clients ...int) error {
	for range rounds {
		for _, n := range clients {
			for _, p := range paths {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err := p.measure(ctx, n, roundTakes); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// paths adds a table for each number of clients. The ratios of requests a second and of the
// p99 are of the path's base, those of CPU time of HAProxy's.
func (r *report) paths(paths []*path, clients ...int) {
	for _, n := range clients {
		t := r.table(fmt.Sprintf("%d clients", n), "req/s", "ratio", "p99", "ratio", "over 8 ms", "CPU", "ratio")
		for _, p := range paths {
			t.row(p.row(n)...)
		}
		t.end()
		for _, p := range paths {
			if failed := p.with[n].failed; failed > 0 {
				r.says("%s, %d clients: %d requests failed", p.name, n, failed)
			}
		}
	}
}

func (p *path) row(clients int) []string {
	f, base := p.with[clients], p.base
	if base == nil {
		base = p
	}
	used, ofUsed := "-", "-"
	if len(p.pids) > 0 {
		used = fmt.Sprintf("%.1f µs", median(f.cpu))
		if p.haproxy != nil {
			ofUsed = fmt.Sprintf("%.2f", p.of(p.haproxy, clients, cpu))
		}
	}
	return []string{
		p.name, fmt.Sprintf("%.0f", median(f.rates)), fmt.Sprintf("%.2f", p.of(base, clients, rates)),
		fmt.Sprintf("%.2f ms", median(f.p99)), fmt.Sprintf("%.2f", p.of(base, clients, p99)), fmt.Sprintf("%.3f %%", 100*median(f.over)),
		used, ofUsed,
	}
}

// compared is the row of a path whose CPU time is compared with another realdocd's.
func (p *path) compared(clients int) []string {
	f := p.with[clients]
	return []string{
		p.name, fmt.Sprintf("%.0f", median(f.rates)), fmt.Sprintf("%.2f", p.of(p.base, clients, rates)),
		fmt.Sprintf("%.2f ms", median(f.p99)), fmt.Sprintf("%.2f", p.of(p.base, clients, p99)),
		fmt.Sprintf("%.1f µs", median(f.cpu)), fmt.Sprintf("%.2f", p.of(p.base, clients, cpu)),
		fmt.Sprintf("%.1f µs", median(f.fpmCPU)), fmt.Sprintf("%.2f", p.of(p.base, clients, fpmCPU)),
	}
}

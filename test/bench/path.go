package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
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

var (
	requestsLine = regexp.MustCompile(`(\d+) requests in ([\d.]+)(m?s)`)
	latencyLine  = regexp.MustCompile(`(50|99)%\s+([\d.]+)(us|ms|s)`)
	failedLine   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)`)
)

// measure runs wrk for one round.
func (p *path) measure() error {
	before, err := p.used()
	if err != nil {
		return err
	}
	out, err := exec.Command("wrk", "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", int(length.Seconds())),
		"--latency", p.url).CombinedOutput()
	if err != nil {
		return fmt.Errorf("wrk: %w: %s", err, out)
	}
	after, err := p.used()
	if err != nil {
		return err
	}
	m := requestsLine.FindStringSubmatch(string(out))
	if m == nil {
		return fmt.Errorf("wrk says nothing of requests: %s", out)
	}
	requests, _ := strconv.ParseFloat(m[1], 64)
	p.rates = append(p.rates, requests/inMilliseconds(m[2], m[3])*1000)
	p.cpu = append(p.cpu, float64((after-before).Microseconds())/requests)
	for _, l := range latencyLine.FindAllStringSubmatch(string(out), -1) {
		if l[1] == "50" {
			p.p50 = append(p.p50, inMilliseconds(l[2], l[3]))
		} else {
			p.p99 = append(p.p99, inMilliseconds(l[2], l[3]))
		}
	}
	if f := failedLine.FindStringSubmatch(string(out)); f != nil {
		n, _ := strconv.Atoi(f[1])
		p.failed += max(n, 1)
	}
	return nil
}

func inMilliseconds(number, unit string) float64 {
	n, _ := strconv.ParseFloat(number, 64)
	switch unit {
	case "us":
		return n / 1000
	case "s":
		return n * 1000
	}
	return n
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

// gofastProxy is the yardstick proxy at work.
type gofastProxy struct {
	addr stack.Addr
	pid  int
}

func startGofast(s *stack.Stack, fpm stack.Addr) (*gofastProxy, error) {
	binary := s.Dir + "/gofastproxy"
	if out, err := exec.Command("go", "build", "-o", binary, "./test/bench/gofastproxy").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build gofastproxy: %w: %s", err, strings.TrimSpace(string(out)))
	}
	addr := stack.Addr(s.Dir + "/gofast.sock")
	p, err := s.StartProgram("gofast", addr, binary, string(addr), string(fpm))
	if err != nil {
		return nil, err
	}
	return &gofastProxy{addr, p.Pid()}, nil
}

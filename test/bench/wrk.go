package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// A wrkResult is what wrk says of one run.
type wrkResult struct {
	requests float64
	rate     float64 // requests per second
	p50, p99 float64 // milliseconds
	over     float64 // the share of requests that took longer than 8 ms
	failed   int
}

var (
	requestsLine = regexp.MustCompile(`(\d+) requests in ([\d.]+)(us|ms|s|m)`)
	latencyLine  = regexp.MustCompile(`(50|99)%\s+([\d.]+)(us|ms|s|m)`)
	failedLine   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	overLine     = regexp.MustCompile(`(?m)^over ([\d.]+)$`)
	brokenLine   = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
)

//go:embed over.lua
var overLua string

// wrk keeps so many connections busy with requests for the URL. lua is what it does otherwise than
// by default.
func wrk(ctx context.Context, url string, connections int, length time.Duration, lua string) (wrkResult, error) {
	script, err := os.CreateTemp("", "bench-*.lua")
	if err != nil {
		return wrkResult{}, err
	}
	defer os.Remove(script.Name())
	if _, err := script.WriteString(lua + overLua); err != nil {
		return wrkResult{}, err
	}
	script.Close()
	out, err := exec.CommandContext(ctx, "wrk", "-t1", fmt.Sprintf("-c%d", connections),
		fmt.Sprintf("-d%ds", int(length.Seconds())), "--latency", "-s", script.Name(), url).CombinedOutput()
	if err != nil {
		return wrkResult{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return readWrk(string(out))
}

func readWrk(out string) (r wrkResult, err error) {
	m := requestsLine.FindStringSubmatch(out)
	if m == nil {
		return r, fmt.Errorf("wrk says nothing of requests: %s", out)
	}
	r.requests, _ = strconv.ParseFloat(m[1], 64)
	r.rate = r.requests / inMilliseconds(m[2], m[3]) * 1000
	for _, l := range latencyLine.FindAllStringSubmatch(out, -1) {
		if l[1] == "50" {
			r.p50 = inMilliseconds(l[2], l[3])
		} else {
			r.p99 = inMilliseconds(l[2], l[3])
		}
	}
	if r.requests == 0 || r.p99 == 0 {
		return r, fmt.Errorf("wrk says nothing of latencies: %s", out)
	}
	if m := overLine.FindStringSubmatch(out); m != nil {
		r.over, _ = strconv.ParseFloat(m[1], 64)
	}
	for _, found := range [][]string{failedLine.FindStringSubmatch(out), brokenLine.FindStringSubmatch(out)} {
		for _, count := range found[min(1, len(found)):] {
			n, _ := strconv.Atoi(count)
			r.failed += n
		}
	}
	return r, nil
}

func inMilliseconds(number, unit string) float64 {
	n, _ := strconv.ParseFloat(number, 64)
	switch unit {
	case "us":
		return n / 1000
	case "s":
		return n * 1000
	case "m":
		return n * 60_000
	}
	return n
}

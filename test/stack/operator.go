package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// What an operator does to a running realdocd.

// Reload gives realdocd another configuration, and returns when it has taken it. The error is the first
// fault for which it has not.
func (g *Gateway) Reload(c GatewayConfig) error {
	if err := g.write(c); err != nil {
		return err
	}
	mark := g.Log.Mark()
	if err := g.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	event, err := g.WaitEvent(mark, Patience, func(e Event) bool { return strings.HasPrefix(e.String("message"), "configuration ") })
	if err != nil {
		return err
	}
	if event.String("message") != "configuration taken" {
		return fmt.Errorf("%s: %s", event.String("message"), event.String("fault"))
	}
	return nil
}

// Upgrade has a new process take over, and returns when that serves: g is the new one then. The old one is
// returned; it ends when its requests have.
func (g *Gateway) Upgrade() (before *Process, err error) {
	mark := g.Log.Mark()
	if err := g.Signal(syscall.SIGUSR2); err != nil {
		return nil, err
	}
	event, err := g.WaitEvent(mark, Patience, func(e Event) bool {
		return strings.HasPrefix(e.String("message"), "handed over") || strings.HasPrefix(e.String("message"), "upgrade failed")
	})
	if err != nil {
		return nil, err
	}
	pid, err := strconv.Atoi(event.String("successor"))
	if err != nil {
		return nil, fmt.Errorf("%s: %s", event.String("message"), event.String("error"))
	}
	before = g.Process
	g.Process, err = g.ground.successor(before, pid)
	return before, err
}

// Command runs a verb of realdocd on the running one's configuration. A command that fails is not an
// error here: the code says so.
func (g *Gateway) Command(args ...string) (code int, output string, err error) {
	binary, err := Binary()
	if err != nil {
		return 0, "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	args = append([]string{args[0], "--config", g.Config}, args[1:]...)
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		return exit.ExitCode(), string(out), nil
	}
	return 0, string(out), err
}

// Flip makes a release live.
func (s *Stack) Flip(site *Site, n int) {
	s.t.Helper()
	s.check(site.Flip(n))
}

// Reload is [Gateway.Reload] with a configuration that is taken.
func (s *Stack) Reload(g *Gateway, c GatewayConfig) {
	s.t.Helper()
	s.check(g.Reload(c))
}

// Upgrade is [Gateway.Upgrade] with a new process that takes over.
func (s *Stack) Upgrade(g *Gateway) (before *Process) {
	s.t.Helper()
	return must(g.Upgrade())(s.t)
}

// Command runs a verb of realdocd that must end with this code, and returns what it said.
func (s *Stack) Command(g *Gateway, want int, args ...string) string {
	s.t.Helper()
	code, output, err := g.Command(args...)
	s.check(err)
	if code != want {
		s.t.Fatalf("realdocd %v: exit code %d, want %d: %s", args, code, want, output)
	}
	return output
}

// Event waits for an event in realdocd's log that has this message.
func (s *Stack) Event(g *Gateway, after int, message string) Event {
	s.t.Helper()
	return must(g.WaitEvent(after, Patience, func(e Event) bool { return e.String("message") == message }))(s.t)
}

// Wait waits for a line in a part's log.
func (s *Stack) Wait(p *Process, after int, match func(string) bool) string {
	s.t.Helper()
	return must(p.Log.Wait(after, Patience, match))(s.t)
}

// Metric scrapes /metrics on the control socket for one series, which labels name, value, name, value …
// tell from the others.
func (g *Gateway) Metric(name string, labels ...string) (float64, error) {
	found, value := false, 0.0
	err := g.eachSeries(name, func(has map[string]string, v float64) {
		matches := !found
		for i := 0; i < len(labels); i += 2 {
			matches = matches && has[labels[i]] == labels[i+1]
		}
		if matches {
			found, value = true, v
		}
	})
	if err == nil && !found {
		err = fmt.Errorf("/metrics has no %s with %v", name, labels)
	}
	return value, err
}

// Sum is the sum of all series of this name.
func (g *Gateway) Sum(name string) (sum float64, err error) {
	err = g.eachSeries(name, func(_ map[string]string, v float64) { sum += v })
	return sum, err
}

// eachSeries gives the series of this name, with their labels.
func (g *Gateway) eachSeries(name string, do func(labels map[string]string, value float64)) error {
	dial := func(context.Context, string, string) (net.Conn, error) { return g.Control.Dial() }
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: Patience}
	resp, err := client.Get("http://realdocd/metrics")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return fmt.Errorf("read /metrics: %w", err)
	}
	for _, metric := range families[name].GetMetric() {
		labels := map[string]string{}
		for _, label := range metric.GetLabel() {
			labels[label.GetName()] = label.GetValue()
		}
		// Of its kinds a series has one; those of the others are 0.
		do(labels, metric.GetCounter().GetValue()+metric.GetGauge().GetValue()+float64(metric.GetHistogram().GetSampleCount()))
	}
	return nil
}

// WaitMetric waits until a series has the value.
func (g *Gateway) WaitMetric(want float64, name string, labels ...string) error {
	return Poll(func() error {
		got, err := g.Metric(name, labels...)
		if err == nil && got != want {
			err = fmt.Errorf("%s with %v is %v, want %v", name, labels, got, want)
		}
		return err
	})
}

package matrix

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"realdocd/test/stack"
)

// Twenty requests of one visitor leave one connection to realdocd, or none.
func checkKeepAlive(t testing.TB, s *shop) {
	for range 20 {
		s.observe(t, "/index.php?pause=0")
	}
	want := 0.0
	if s.front.keeps != "" {
		want = 1
	}
	if err := s.gw.WaitMetric(want, "realdocd_web_connections"); err != nil {
		t.Error(err)
	}
}

// A connection to realdocd that is kept has nothing of a response on it that nobody has read to its end.
func checkLeaving(t testing.TB, s *shop) {
	for i := range 10 {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get(s.web.URL("/big.php?chunks=256"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, 1<<16); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		query := fmt.Sprintf("after=%d", i)
		s.get(t, "/said.php?"+query).said(t).want(t, map[string]string{"QUERY_STRING": query})
	}
}

// Connections that the web server has kept are gone then, and it does not try them on visitors.
// Nor does it go on refusing visitors because some came while realdocd was away.
func checkRestart(t testing.TB, s *shop) {
	burst := stack.Load{URLs: []string{s.web.URL("/index.php?pause=0")}, Requests: 100}
	if tally := burst.Run(t.Context()); tally.Failed > 0 {
		t.Fatalf("before: %v", tally)
	}
	if err := s.gw.Stop(); err != nil {
		t.Fatal(err)
	}
	meanwhile := stack.Load{URLs: burst.URLs, Requests: 20}
	if tally := meanwhile.Run(t.Context()); tally.Failed < meanwhile.Requests {
		t.Errorf("while realdocd is away: %v", tally)
	}
	binary, err := stack.Binary()
	if err != nil {
		t.Fatal(err)
	}
	backend := s.gw.Addr
	if s.front.tcp {
		backend = s.gw.TCP
	}
	s.Program("realdocd", backend, binary, "serve", "--config", s.gw.Config)
	if s.front.rests {
		s.awaitAnswer(t)
	}
	if tally := burst.Run(t.Context()); tally.Failed > 0 {
		t.Errorf("after: %v", tally)
	}
}

// awaitAnswer waits until the web server tries realdocd again.
func (s *shop) awaitAnswer(t testing.TB) {
	err := stack.Poll(func() error {
		resp, err := http.Get(s.web.URL("/index.php?pause=0"))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

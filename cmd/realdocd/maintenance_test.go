package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestMaintenance_OnReadsThePageAndOffLetsVisitorsIn(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	file := s.dir + "/page.html"
	if err := os.WriteFile(file, []byte("<h1>Back soon</h1>"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := s.run("maintenance", "on", "shop", "--page", file, "--allow", "203.0.113.7,2001:db8::/48", "--allow", "10.0.0.0/8", "--until", "30m")
	if code != exitDone || stdout+stderr != "" {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	m := s.daemon.maintenance
	if string(m.Page) != "<h1>Back soon</h1>" || len(m.Allow) != 3 || m.Allow[0].Bits() != 32 || time.Until(m.Until) < 29*time.Minute {
		t.Errorf("the daemon was told %+v", m)
	}
	if code, _, stderr := s.run("maintenance", "off", "shop"); code != exitDone || s.daemon.maintenance != nil {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if code, _, _ := s.run("maintenance", "on", "shop"); code != exitDone || !strings.Contains(string(s.daemon.maintenance.Page), "Back soon") {
		t.Error("there is no page for a maintenance without one")
	}
}

func TestMaintenance_WrongUseIsRefused(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	binary := s.dir + "/page.png"
	if err := os.WriteFile(binary, []byte("\x89PNG\r\n\x1a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--allow", "localhost"}, exitUsage, "--allow: want an address"},
		{[]string{"--allow", "203.0.113.7/24"}, exitUsage, "203.0.113.0/24 is the one that it lies in"},
		{[]string{"--until", "tomorrow"}, exitUsage, "--until: want"},
		{[]string{"--until", "2020-01-01T00:00:00Z"}, exitUsage, "is over"},
		{[]string{"--page", s.dir + "/none"}, exitNo, "no such file"},
		{[]string{"--page", binary}, exitNo, "the page is image/png"},
	} {
		code, _, stderr := s.run(append([]string{"maintenance", "on", "shop"}, row.args...)...)
		if code != row.code || !strings.Contains(stderr, row.want) {
			t.Errorf("%q: exit code %d, %s", row.args, code, stderr)
		}
	}
	if code, _, stderr := run(t, "maintenance"); code != exitUsage || !strings.Contains(stderr, "on, or off") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if s.daemon.maintenance != nil {
		t.Error("the site was closed")
	}
}

func TestReadUntil(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"30m":                  now.Add(30 * time.Minute),
		"14:30":                now.Add(150 * time.Minute),
		"11:30":                now.Add(23*time.Hour + 30*time.Minute),
		"2026-11-28T00:00:00Z": now.Add(12 * time.Hour),
		"2026-11-28 00:00":     now.Add(12 * time.Hour),
	} {
		if got, err := readUntil(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

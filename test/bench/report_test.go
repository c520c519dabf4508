package main

import (
	"strings"
	"testing"
)

func TestReport_SaysWhatFallsShort(t *testing.T) {
	r := &report{}
	r.says(`reuse = "off", 20 µs`)
	r.wants("requests/s", atLeast(1), 0.98)
	r.wants("rounded up", atLeast(1), 0.996)
	r.wants("p99", atMost(1.1), 1.2)
	r.wants("502", atMost(0).whole(), 0)
	r.end()
	got := r.page.String()
	for _, want := range []string{
		"Reuse = \\(dqoff\\(dq, 20 us.\n",
		".It requests/s Ta >= 1.00 Ta 0.98 Ta short\n",
		".It rounded up Ta >= 1.00 Ta 1.00 Ta \\&\n",
		".It p99 Ta <= 1.10 Ta 1.20 Ta short\n",
		".It 502 Ta <= 0 Ta 0 Ta \\&\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// Each section has its place in the manual.
func TestSections_HaveTheirMarks(t *testing.T) {
	for _, sec := range sections {
		part(sec.name).Text(t)
	}
}

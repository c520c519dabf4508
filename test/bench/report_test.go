package main

import (
	"os"
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
	text, err := os.ReadFile("../../" + manual)
	if err != nil {
		t.Fatal(err)
	}
	for _, sec := range sections {
		out, err := between(string(text), sec.name, "what it says\n")
		if err != nil {
			t.Errorf("%s: %v", sec.name, err)
		} else if again, err := between(out, sec.name, "what it says\n"); err != nil || again != out {
			t.Errorf("%s: what is written again differs", sec.name)
		}
	}
	if _, err := between(string(text), "another", ""); err == nil {
		t.Error("a section without marks is written")
	}
}

package main

import (
	"os"
	"testing"
)

// Two that are tried side by side must not fight over one socket.
func TestFlagsAloneOpenNoControlSocketUnlessTold(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{"": "", "c.sock": dir + "/c.sock", "/run/c.sock": "/run/c.sock"} {
		a := adhoc{fpm: []string{"/a"}, docroots: []string{"/b"}, control: flag}
		if c, err := a.config(); err != nil || c.Gateway.Control != want {
			t.Errorf("--control %q: %q (%v), want %q", flag, c.Gateway.Control, err, want)
		}
	}
}

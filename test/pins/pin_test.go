package pins

import (
	"regexp"
	"testing"
)

var aPin = regexp.MustCompile(`[A-Za-z0-9_-]{64}\.[A-Za-z0-9._~-]+`)

// pinIn is the pin that a page has in its text.
func pinIn(t testing.TB, page []byte) string {
	t.Helper()
	pin := aPin.Find(page)
	if pin == nil {
		t.Fatalf("the page has no pin: %s", page)
	}
	return string(pin)
}

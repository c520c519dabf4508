package matrix

import (
	"testing"
)

// TestWebServers runs each check with each web server.
func TestWebServers(t *testing.T) {
	for _, f := range fronts {
		t.Run(f.name+", "+f.connection(), func(t *testing.T) {
			s := openShop(t, f)
			for _, c := range checks {
				t.Run(c.name, func(t *testing.T) { c.run(t, s.in(t)) })
			}
		})
	}
}

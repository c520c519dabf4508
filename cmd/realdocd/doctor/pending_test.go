package doctor

import (
	"testing"

	"realdocd/gateway"
	"realdocd/gateway/control"
)

// Whoever checks a file before it is taken must not be told of a fault of the web server, which
// sends what the daemon has now.
func TestCheckSentPaths_GoesByWhatTheDaemonHasIfTheFileSaysAnother(t *testing.T) {
	site := gateway.SiteConfig{Name: "shop", Docroot: "/srv/shop/current/public"}
	for sent, want := range map[string]int{
		"/var/www/shop/current/public":     0, // by the configuration of now
		"/var/www/shop/releases/42/public": 1,
		"/srv/shop/releases/42/public":     1,
	} {
		x := &examination{status: &control.Status{Sites: []control.SiteStatus{{Name: "shop", Docroot: "/var/www/shop/current/public"}}}}
		x.checkSentPaths(site, control.SeenRequest{Site: "shop", DocumentRoot: sent})
		if got := len(x.findings); got != want {
			t.Errorf("%s: %d findings, want %d", sent, got, want)
		}
	}
}

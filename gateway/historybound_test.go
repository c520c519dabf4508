package gateway

import (
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"realdocd/deploy"
)

// A site whose docroot is a pattern has as many links as it has tenants.
func TestHistory_ShowsTheNewestOfASiteWithManyLinks(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	written := deploy.NewHistory(dir, "shop")
	for n := range maxHistory + 1 {
		e := deploy.Event{Time: now.Add(time.Duration(n) * time.Second), Link: fmt.Sprintf("/%d/current", n), Release: fmt.Sprintf("/%d/1", n), By: "flip"}
		if err := written.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	shown := newHistory(dir, zerolog.Nop()).of("shop", "")
	if len(shown) != maxHistory || shown[0].Release != "/1/1" || shown[maxHistory-1].Release != fmt.Sprintf("/%d/1", maxHistory) {
		t.Errorf("%d are shown, from %+v on", len(shown), shown[0])
	}
}

package e2e

import (
	"testing"

	"realdocd/test/stack"
)

// A page of WordPress runs 336 scripts, its login page a few more.
const scriptsOfABlog = 330

func TestAWarmUpIsKeptOnPHPsDefaults(t *testing.T) {
	for name, place := range map[string]stack.Keys{
		"slots":    {"slots": []string{"DIR/A", "DIR/B"}},
		"releases": {"releases": "DIR/releases", "keep": 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := openBlog(t, place, stack.FPMConfig{}, nil)
			for n := 1; n <= 4; n++ {
				b.build(t, n)
				t.Log("\n" + b.Command(b.gw, 0, "deploy", "blog", b.source))
				before := b.opcache(t)
				if before.Scripts < scriptsOfABlog {
					t.Errorf("deploy %d: %d scripts of the release are cached before its first visitor", n, before.Scripts)
				}
				b.visit(t, n)
				if paid := b.opcache(t).Misses - before.Misses; n > 1 && paid > 2 { // what realdocd asks PHP is compiled each time
					t.Errorf("deploy %d: visitors paid %d compilations", n, paid)
				}
			}
		})
	}
}

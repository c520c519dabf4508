package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"realdocd/deploy"
	"realdocd/test/stack"
)

// Nobody asks for a page of them: their flips are noticed all the same, and each goes back.
func TestEachOfManyDocrootsOfAPatternRollsBack(t *testing.T) {
	const many = 220
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{})
	dir := func(i int) string { return filepath.Join(s.Dir, "sites", fmt.Sprint(i)) }
	for i := range many {
		for _, release := range []string{"1", "2"} {
			mustDo(t, os.MkdirAll(dir(i)+"/releases/"+release+"/public", 0o755))
		}
		mustDo(t, os.Symlink("releases/1", dir(i)+"/current"))
	}
	gw := s.Gateway(stack.GatewayConfig{
		Pools: map[string]stack.Keys{"www": {"server": []string{string(fpm.Addr)}}},
		Sites: map[string]stack.Keys{"all": {"docroot": s.Dir + "/sites/*/current/public"}},
	})
	history := deploy.NewHistory(filepath.Dir(gw.Config)+"/state", "all")
	noticed := func(release string) {
		t.Helper()
		mustDo(t, stack.Poll(func() error {
			for i := range many {
				events, err := history.Of(dir(i) + "/current")
				if err != nil || len(events) == 0 || filepath.Base(events[len(events)-1].Release) != release {
					return fmt.Errorf("docroot %d has the history %v, %v", i, events, err)
				}
			}
			return nil
		}))
	}
	noticed("1")
	for i := range many {
		mustDo(t, deploy.Flip(dir(i)+"/current", dir(i)+"/releases/2"))
	}
	noticed("2")
	for i := range many {
		s.Command(gw, 0, "rollback", "all", "--docroot", dir(i)+"/current/public")
		if live, err := os.Readlink(dir(i) + "/current"); err != nil || live != "releases/1" {
			t.Fatalf("the link of docroot %d leads to %s, %v", i, live, err)
		}
	}
}

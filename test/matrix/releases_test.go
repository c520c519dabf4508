package matrix

import (
	"fmt"
	"os"
	"testing"
	"time"

	"realdocd/test/stack"
)

// The next request after a flip runs on the new release, for scripts that only one of them has too.
func checkFlip(t testing.TB, s *shop) {
	for _, release := range s.site.Releases {
		script := fmt.Sprintf("%s/public/only%d.php", s.site.Release(release), release)
		if err := os.WriteFile(script, fmt.Appendf(nil, "<?php echo 'only %d';", release), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= 40; i++ {
		live, other := s.site.Releases[i%2], s.site.Releases[(i+1)%2]
		s.Flip(s.site, live)
		if page := s.get(t, fmt.Sprintf("/only%d.php", live)); page.body != fmt.Sprintf("only %d", live) {
			t.Fatalf("flip %d: got %d %q of the script that only release %d has", i, page.status, page.body, live)
		}
		if page := s.get(t, fmt.Sprintf("/only%d.php", other)); page.body == fmt.Sprintf("only %d", other) {
			t.Fatalf("flip %d: the script that only release %d has is still run", i, other)
		}
		for _, path := range []string{"/index.php?pause=0", "/pretty?pause=0"} {
			if got := s.observe(t, path).Verdict().Release; got != fmt.Sprint(live) {
				t.Fatalf("flip %d: %s ran on release %s, %d is live", i, path, got, live)
			}
		}
	}
}

// Fifty includes a request, while the link is flipped every 20 ms.
func checkTorn(t testing.TB, s *shop) {
	urls := []string{s.web.URL("/index.php"), s.web.URL("/own.php"), s.web.URL("/pretty/url"), s.web.URL("/")}
	tally := s.Run(stack.FlipEvery(20*time.Millisecond, s.site), stack.Load{URLs: urls, Requests: 1000, Duration: 4 * time.Second})[0]
	whole := 0
	for _, release := range s.site.Releases {
		n := tally.Releases[fmt.Sprint(release)]
		if n == 0 {
			t.Errorf("release %d served nothing", release)
		}
		whole += n
	}
	if tally.Torn > 0 || tally.Failed > 0 || tally.Unnamed > 0 || whole != tally.Total {
		t.Errorf("%d of %d requests were whole, want all", whole-tally.Unnamed, tally.Total)
	}
}

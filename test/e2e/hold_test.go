package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"realdocd/test/stack"
)

// holdPage runs for some milliseconds, and fails if a migration runs beside it, or if it is
// of the release that the migration was not for.
const holdPage = `<?php
$state = 'STATE';
$release = basename(dirname(__DIR__));
$before = file_get_contents($state);
usleep(3000);
if ($before !== $release || file_get_contents($state) !== $release) { http_response_code(500); }
echo $release;
`

// Neither the old code nor the new one survives the migration, and no visitor notices it.
func TestFlipHold_AMigrationRunsWhileNoRequestDoes(t *testing.T) {
	s := openShop(t)
	state := filepath.Join(s.Dir, "database")
	write := func(text string) { mustDo(t, os.WriteFile(state, []byte(text), 0o666)) }
	write("1")
	for _, n := range []int{1, 2} {
		page := strings.ReplaceAll(holdPage, "STATE", state)
		mustDo(t, os.WriteFile(filepath.Join(s.site.Release(n), "public/hold.php"), []byte(page), 0o644))
	}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var served [3]atomic.Int64
	for range 6 {
		all.Go(func() {
			for ctx.Err() == nil {
				release, status, err := s.load(http.DefaultClient, "/hold.php")
				switch {
				case err != nil || status != 200:
					t.Errorf("a visitor gets %d of release %q: %v", status, release, err)
					return
				case release == "1":
					served[1].Add(1)
				case release == "2":
					served[2].Add(1)
				}
			}
		})
	}
	migrate := func(to string) string {
		return fmt.Sprintf("echo -n half >%[1]s; sleep 0.3; echo -n %[2]s >%[1]s", state, to)
	}
	s.Command(s.gw, 1, "flip", "shop", "2", "--no-headroom", "--hold", "--", "sh", "-c", "sleep 0.1; exit 7") // nothing has changed
	s.Command(s.gw, 0, "flip", "shop", "2", "--no-headroom", "--hold", "--", "sh", "-c", migrate("2"))
	s.Command(s.gw, 0, "flip", "shop", "1", "--no-headroom", "--hold", "--", "sh", "-c", migrate("1"))
	had := served[1].Load()
	stack.Until(t, "the first release serves again", func() bool { return served[1].Load() > had+20 || t.Failed() })
	stop()
	all.Wait()
	if served[2].Load() == 0 && !t.Failed() {
		t.Error("no request ran on the second release")
	}
}

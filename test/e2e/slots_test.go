package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"realdocd/test/stack"
)

// slotPage includes its parts, each of which returns the number of its deploy, and sleeps before the
// last of them for ?ms= milliseconds.
const slotPage = `<?php
$parts = [];
for ($i = 0; $i < 50; $i++) {
    if ($i == 49) {
        usleep(1000 * (int) ($_GET['ms'] ?? 0));
    }
    $n = (string) @include $_SERVER['DOCUMENT_ROOT'] . sprintf('/../lib/part_%02d.php', $i);
    $parts[$n] = ($parts[$n] ?? 0) + 1;
}
echo json_encode(['parts' => (object) $parts, 'own' => (string) OWN]);
`

// slotted is a site whose deploys alternate between two slots.
type slotted struct {
	*stack.Stack
	dir, source string
	fpm         *stack.FPM
	gw          *stack.Gateway
	web         *stack.Nginx
}

// openSlotted starts it, with the first deploy live. place says which directories deploys go to.
func openSlotted(t *testing.T, place stack.Keys, fpm stack.FPMConfig, extra int) *slotted {
	t.Helper()
	s := &slotted{Stack: stack.For(t, "nginx", "php-fpm")}
	s.dir, s.source = filepath.Join(s.Dir, "shop"), filepath.Join(s.Dir, "source")
	for _, dir := range []string{s.dir, s.source + "/public", s.source + "/lib"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	fpm.Status = true
	s.fpm = s.FPM(fpm)
	keys := stack.Keys{"docroot": s.dir + "/current/public"}
	for key, value := range place {
		if text, is := value.(string); is {
			value = strings.ReplaceAll(text, "DIR", s.dir)
		}
		keys[key] = value
	}
	if keys["releases"] == nil {
		keys["slots"] = []string{s.dir + "/A", s.dir + "/B"}
	}
	s.gw = s.Gateway(stack.GatewayConfig{
		Pools: map[string]stack.Keys{"www": {"server": []string{string(s.fpm.Addr)}, "status": string(s.fpm.Status)}},
		Sites: map[string]stack.Keys{"shop": keys},
	})
	s.web = s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: s.dir + "/current/public", Backend: s.gw.Addr, KeepAlive: 32}}})
	for i := range extra {
		s.write(t, fmt.Sprintf("lib/extra_%04d.php", i), fmt.Sprintf("<?php function extra_%d() { return %d; }\n", i, i))
	}
	s.build(t, 0)
	s.Command(s.gw, 0, "deploy", "shop", s.source)
	return s
}

func (s *slotted) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.source, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// build makes the source that of the n-th deploy.
func (s *slotted) build(t *testing.T, n int) {
	t.Helper()
	s.write(t, "public/index.php", fmt.Sprintf("<?php const OWN = %d; ?>%s", n, slotPage))
	for i := range 50 {
		s.write(t, fmt.Sprintf("lib/part_%02d.php", i), fmt.Sprintf("<?php return '%d';\n", n))
	}
}

// damage is what requests saw that they should not have.
type damage struct{ requests, torn, missing, failed atomic.Int64 }

func (d *damage) String() string {
	return fmt.Sprintf("%d requests: %d torn, %d with a file missing, %d failed", d.requests.Load(), d.torn.Load(), d.missing.Load(), d.failed.Load())
}

func (d *damage) any() bool { return d.torn.Load()+d.missing.Load()+d.failed.Load() > 0 }

// load sends about 200 requests a second, most of 5 ms, some of 300 ms and few of 3 s, until the context ends.
func (s *slotted) load(ctx context.Context) (*damage, *sync.WaitGroup) {
	d, clients := &damage{}, &sync.WaitGroup{}
	for c := range 20 {
		clients.Go(func() {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for i := c; ctx.Err() == nil; i++ {
				ms := 5
				switch {
				case i%400 == 0:
					ms = 3000
				case i%25 == 0:
					ms = 300
				}
				d.judge(ask(context.Background(), s.web.URL(0, fmt.Sprintf("/index.php?ms=%d", ms))))
				<-tick.C
			}
		})
	}
	return d, clients
}

func (d *damage) judge(a answer) {
	d.requests.Add(1)
	var page struct {
		Parts map[string]int
		Own   string
	}
	switch {
	case a.err != nil || a.status != 200 || json.Unmarshal([]byte(a.body), &page) != nil:
		d.failed.Add(1)
	case page.Parts[""] > 0:
		d.missing.Add(1)
	case len(page.Parts) != 1 || page.Parts[page.Own] != 50:
		d.torn.Add(1)
	}
}

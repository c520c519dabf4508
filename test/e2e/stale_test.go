package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"realdocd/test/stack"
)

// stalePage tells the number of the deploy that its code, a setting of .user.ini and a file behind a
// symlink are of, each of which PHP remembers for a while.
const stalePage = `<?php usleep(20000);
echo json_encode(['code' => require __DIR__ . '/code.php', 'setting' => (int) ini_get('highlight.comment'), 'symlink' => require __DIR__ . '/linked/code.php']);
`

// A memory is a site whose PHP remembers as its defaults say.
type memory struct {
	*stack.Stack
	dir, source string
	gw          *stack.Gateway
	web         *stack.Nginx
}

func openMemory(t *testing.T, site stack.Keys) *memory {
	t.Helper()
	m := &memory{Stack: stack.For(t, "nginx", "php-fpm", "rsync")}
	m.dir, m.source = filepath.Join(m.Dir, "shop"), filepath.Join(m.Dir, "source")
	mustDo(t, os.MkdirAll(m.dir, 0o755))
	keys := stack.Keys{"docroot": m.dir + "/current/public"}
	for key, value := range site {
		if text, is := value.(string); is {
			value = strings.ReplaceAll(text, "DIR", m.dir)
		}
		keys[key] = value
	}
	if keys["releases"] == nil && keys["resolve"] == nil {
		keys["slots"] = []string{m.dir + "/A", m.dir + "/B"}
	}
	fpm := m.FPM(stack.FPMConfig{MaxChildren: 4, AsShipped: true})
	m.gw = m.Gateway(stack.GatewayConfig{
		Pools: map[string]stack.Keys{"www": {"server": []string{string(fpm.Addr)}}}, Sites: map[string]stack.Keys{"shop": keys},
	})
	m.web = m.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: m.dir + "/current/public", Backend: m.gw.Addr}}})
	return m
}

// lay makes a directory the release of some numbers.
func (m *memory) lay(t *testing.T, dir string, code, setting, symlink int) {
	t.Helper()
	public := dir + "/public"
	for _, of := range []string{public, fmt.Sprintf("%s/data%d", public, symlink)} {
		mustDo(t, os.MkdirAll(of, 0o755))
	}
	for file, text := range map[string]string{
		"index.php": stalePage, "code.php": fmt.Sprintf("<?php return %d;", code),
		".user.ini": fmt.Sprintf("highlight.comment = %d\n", setting), fmt.Sprintf("data%d/code.php", symlink): fmt.Sprintf("<?php return %d;", symlink),
	} {
		mustDo(t, os.WriteFile(filepath.Join(public, file), []byte(text), 0o644))
	}
	os.Remove(public + "/linked")
	mustDo(t, os.Symlink(fmt.Sprintf("data%d", symlink), public+"/linked"))
}

// What a page saw: the numbers of the deploys that its parts are of.
type sighting struct{ Code, Setting, Symlink int }

// see has every worker answer, and gives the oldest that any request saw of each.
func (m *memory) see(t *testing.T) (oldest sighting) {
	t.Helper()
	var mu sync.Mutex
	var clients sync.WaitGroup
	oldest = sighting{1 << 30, 1 << 30, 1 << 30}
	for range 24 {
		clients.Go(func() {
			a := ask(t.Context(), m.web.URL(0, "/index.php"))
			var saw sighting
			if a.status != 200 || json.Unmarshal([]byte(a.body), &saw) != nil {
				t.Errorf("got %d %s, %v", a.status, a.body, a.err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			oldest = sighting{min(oldest.Code, saw.Code), min(oldest.Setting, saw.Setting), min(oldest.Symlink, saw.Symlink)}
		})
	}
	clients.Wait()
	return oldest
}

func TestNoRequestAfterAFlipSeesWhatPHPRemembers(t *testing.T) {
	t.Parallel()
	type numbers = sighting
	for _, row := range []struct {
		name    string
		site    stack.Keys
		deploys []numbers
		refused map[int]string // the deploys that are, and why
	}{
		{
			"new directories, everything changes",
			stack.Keys{"releases": "DIR/releases", "keep": 2},
			[]numbers{{1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {4, 4, 4}},
			nil,
		},
		{"slots, code changes", nil, []numbers{{1, 1, 1}, {2, 1, 1}, {3, 1, 1}, {4, 1, 1}, {5, 1, 1}}, nil},
		{"slots, settings change", nil, []numbers{{1, 1, 1}, {2, 2, 1}, {3, 3, 1}}, map[int]string{2: "user_ini.cache_ttl = 300"}},
		{"slots, a symlink changes", nil, []numbers{{1, 1, 1}, {2, 1, 2}, {3, 1, 3}}, map[int]string{2: "realpath_cache_ttl = 120"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := openMemory(t, row.site)
			live := numbers{}
			for i, n := range row.deploys {
				mustDo(t, os.RemoveAll(m.source))
				m.lay(t, m.source, n.Code, n.Setting, n.Symlink)
				if why := row.refused[i]; why != "" {
					if said := m.Command(m.gw, 1, "deploy", "shop", m.source); !strings.Contains(said, why) {
						t.Errorf("deploy %d: %s", i+1, said)
					}
				} else {
					m.Command(m.gw, 0, "deploy", "shop", m.source)
					live = n
				}
				if saw := m.see(t); saw != live {
					t.Errorf("after deploy %d requests saw %+v, want %+v", i+1, saw, live)
				}
			}
		})
	}
}

// current -> A -> release: A is pointed elsewhere, as tools do that know nothing of realdocd.
func TestALinkBehindTheLinkThatIsPointedElsewhereIsSeenAtOnceInBothModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"realpath", "readlink"} {
		t.Run(mode, func(t *testing.T) {
			m := openMemory(t, stack.Keys{"resolve": mode})
			mustDo(t, os.Symlink("A", m.dir+"/current"))
			for n := 1; n <= 4; n++ {
				release := fmt.Sprintf("%s/releases/%d", m.dir, n)
				m.lay(t, release, n, n, n)
				run(t, "ln", "-s", release, m.dir+"/next")
				run(t, "mv", "-T", m.dir+"/next", m.dir+"/A")
				if saw := m.see(t); saw != (sighting{n, n, n}) {
					t.Errorf("release %d is live, requests saw %+v", n, saw)
				}
			}
		})
	}
}

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// A trialHost is one daemon with many tenants, each of which tries releases by itself.
type trialHost struct {
	*stack.Stack
	t        *testing.T
	gw       *stack.Gateway
	web      *stack.Nginx
	binary   string
	tenants  []*trialTenant
	began    time.Time
	requests atomic.Int64
}

// A trialTenant is one of them. One goroutine uses it.
type trialTenant struct {
	*trialHost
	name, dir string
	runs      int
}

// A trialEnding is what a run came to.
type trialEnding struct {
	ended, why         string
	took               time.Duration
	requests, visitors int
}

// trialTenants is how many try releases at the same time; CANARY_TENANTS=20 has fewer.
func trialTenants() int {
	if n, err := strconv.Atoi(os.Getenv("CANARY_TENANTS")); err == nil {
		return n
	}
	return 80
}

func openTrialHost(t *testing.T, tenants int) *trialHost {
	t.Helper()
	h := &trialHost{Stack: stack.For(t, "nginx", "php-fpm"), t: t, began: time.Now()}
	fpm := h.FPM(stack.FPMConfig{MaxChildren: 192, AsShipped: true})
	www := filepath.Join(h.Dir, "www")
	config := stack.GatewayFor(fpm)
	config.Log["access"] = false
	config.Sites = map[string]stack.Keys{"all": {"docroot": www + "/*/current/public"}}
	for i := range tenants {
		tenant := &trialTenant{trialHost: h, name: fmt.Sprintf("t%02d", i)}
		tenant.dir = filepath.Join(www, tenant.name)
		tenant.write("0", releaseKind{})
		mustDo(t, os.Symlink("releases/0", tenant.dir+"/current"))
		h.tenants = append(h.tenants, tenant)
	}
	h.gw = h.Gateway(config)
	h.web = h.Nginx(stack.NginxConfig{
		Workers: 2,
		Servers: []stack.NginxServer{{Root: www + "/$host/current/public", Backend: h.gw.Addr, KeepAlive: 64}},
	})
	var err error
	h.binary, err = stack.Binary()
	mustDo(t, err)
	return h
}

func (h *trialHost) took() time.Duration { return time.Since(h.began).Round(time.Second) }

// write makes a release of a kind. Its pages are one script: /trial.php/a to /trial.php/t.
func (n *trialTenant) write(release string, kind releaseKind) {
	public := filepath.Join(n.dir, "releases", release, "public")
	mustDo(n.t, os.MkdirAll(public, 0o777))
	mustDo(n.t, os.Chmod(public, 0o777)) // PHP counts there
	text := strings.NewReplacer("BROKEN", "$_SERVER['PATH_INFO'] === '/"+kind.broken+"'", "COLD", strconv.Itoa(kind.cold),
		"FAILS", strconv.Itoa(kind.fails), "TAKES", strconv.Itoa(kind.takes), "__FILE__ . '.hits'", "__FILE__ . strtr($_SERVER['PATH_INFO'], '/', '.')").Replace(trialPage)
	mustDo(n.t, os.WriteFile(filepath.Join(public, "trial.php"), []byte(text), 0o644))
}

// run tries a new release once, while visitors come.
func (n *trialTenant) run(ctx context.Context, r trialRow) (e trialEnding, err error) {
	n.runs++
	good, tried := fmt.Sprintf("%d-good", n.runs), fmt.Sprintf("%d-tried", n.runs)
	n.write(good, releaseKind{fails: usualFails, takes: usualTakes})
	n.write(tried, r.kind)
	if _, err := n.command(ctx, "flip", good); err != nil {
		return e, err
	}
	ctx, stop := context.WithCancel(ctx)
	done := n.visitors(ctx)
	defer done()
	defer stop()
	began := time.Now()
	verb, flags := "canary", canaryAsRun
	if r.bake {
		verb, flags = "flip", bakeAsRun
		if err := n.haveVisitors(ctx); err != nil {
			return e, err
		}
		began = time.Now()
	}
	st, err := n.command(ctx, verb, tried, flags...)
	if err == nil && st == nil {
		err = fmt.Errorf("%s does not say how it ended", verb)
	}
	if err != nil {
		return e, err
	}
	e = trialEnding{st.Ended, st.Why, time.Since(began), int(st.Requests), int(st.Visitors)}
	return e, n.wantLive(good, tried, e)
}

// command runs a command of realdocd on a release, and gives what it says of a trial. That the
// answer is no is no error.
func (n *trialTenant) command(ctx context.Context, verb, release string, flags ...string) (*control.TrialStatus, error) {
	args := append([]string{verb, "--config", n.gw.Config, "all/" + n.name, release, "--no-headroom", "--json"}, flags...)
	output, err := exec.CommandContext(ctx, n.binary, args...).Output()
	var got struct {
		OK    bool
		Error string
		Trial *control.TrialStatus
	}
	if json.Unmarshal(output, &got) != nil || !got.OK && (got.Trial == nil || got.Trial.Ended == "") {
		return nil, fmt.Errorf("%v: %v in %s", args, err, output)
	}
	return got.Trial, nil
}

// wantLive wants the link to be where the verdict says.
func (n *trialTenant) wantLive(good, tried string, e trialEnding) error {
	want := good
	if e.ended == "good" || e.ended == "flip" {
		want = tried
	}
	if got, err := os.Readlink(n.dir + "/current"); err != nil || filepath.Base(got) != want {
		return fmt.Errorf("ended as %s (%s), and %s is live: %v", e.ended, e.why, got, err)
	}
	return nil
}

// haveVisitors waits until the live release has had some requests, also warm ones: what
// it did is what the next one is compared with.
func (n *trialTenant) haveVisitors(ctx context.Context) error {
	const enough, warm = 1200, 20 * time.Second
	for began, had := time.Now(), n.had(); n.had() < had+enough || time.Since(began) < warm; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		if time.Since(began) > 10*time.Minute {
			return fmt.Errorf("the release before has had %d requests within 10m, and not %d", n.had()-had, enough)
		}
	}
	return nil
}

// had is how many requests the tenant had.
func (n *trialTenant) had() int64 {
	client := control.NewClient(string(n.gw.Control))
	d, err := client.Site(n.t.Context(), control.SiteAddress{Site: "all", Docroot: n.dir + "/current/public"})
	if err != nil || len(d.Docroots) == 0 {
		return 0
	}
	var all int64
	for _, r := range d.Docroots[0].Releases {
		all += r.Requests
	}
	return all
}

// visitors come until the context ends, four at a time, and load six pages each.
func (n *trialTenant) visitors(ctx context.Context) (done func()) {
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			b := &plainBrowser{tenant: n}
			defer b.close()
			for ctx.Err() == nil {
				b.cookie = ""
				for range 6 {
					if err := b.load(ctx, fmt.Sprintf("/trial.php/%c", trialPages[rand.IntN(len(trialPages))])); err != nil && ctx.Err() == nil {
						n.t.Errorf("%s: %v", n.name, err)
					}
					select {
					case <-ctx.Done():
					case <-time.After(time.Duration(rand.ExpFloat64() * float64(60*time.Millisecond))): // he reads it
					}
				}
			}
		})
	}
	return all.Wait
}

// A plainBrowser has one connection and one cookie, and costs little.
type plainBrowser struct {
	tenant *trialTenant
	conn   net.Conn
	read   *bufio.Reader
	cookie string
}

func (b *plainBrowser) close() {
	if b.conn != nil {
		b.conn.Close()
	}
}

// load loads a page. One that fails is an answer.
func (b *plainBrowser) load(ctx context.Context, path string) (err error) {
	if b.conn == nil {
		var d net.Dialer
		if b.conn, err = d.DialContext(ctx, "tcp", string(b.tenant.web.Addrs[0])); err != nil {
			b.conn = nil
			return err
		}
		b.read = bufio.NewReader(b.conn)
	}
	b.conn.SetDeadline(time.Now().Add(30 * time.Second))
	text := "GET " + path + " HTTP/1.1\r\nHost: " + b.tenant.name + "\r\nAccept: text/html\r\n"
	if b.cookie != "" {
		text += "Cookie: " + b.cookie + "\r\n"
	}
	if _, err := io.WriteString(b.conn, text+"\r\n"); err != nil {
		return b.broken(err)
	}
	answer, err := http.ReadResponse(b.read, nil)
	if err != nil {
		return b.broken(err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return b.broken(err)
	}
	b.tenant.requests.Add(1)
	if cookie, _, _ := strings.Cut(answer.Header.Get("Set-Cookie"), ";"); cookie != "" {
		b.cookie = cookie
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusInternalServerError {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	return nil
}

func (b *plainBrowser) broken(err error) error {
	b.close()
	b.conn = nil
	return err
}

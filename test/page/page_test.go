package page

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/browser"
	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }

// A shop is nginx in front of realdocd in front of PHP-FPM, and the page on the port for
// metrics.
type shop struct {
	*stack.Stack
	sites  []*stack.Site
	config stack.GatewayConfig
	fpm    *stack.FPM
	gw     *stack.Gateway
	web    *stack.Nginx
	page   string // its address, with a slash behind it
}

var pages = fstest.MapFS{
	"serves.php": {Data: []byte(`<?php usleep(1000); echo basename(dirname(__DIR__));`)},
	"wait.php":   {Data: []byte(`<?php sleep(60);`)},
	"fails.php":  {Data: []byte(`<?php http_response_code(500);`)},
}

func openShop(t *testing.T, sites int) *shop {
	t.Helper()
	s := stack.For(t, "nginx", "php-fpm")
	sh := &shop{Stack: s}
	for n := range sites {
		sh.sites = append(sh.sites, s.Site(stack.SiteConfig{Name: fmt.Sprintf("shop%d", n), Pages: pages}))
	}
	sh.fpm = s.FPM(stack.FPMConfig{MaxChildren: 8, Status: true})
	sh.config = stack.GatewayFor(sh.fpm, sh.sites...)
	sh.config.Pools["www"]["status"] = string(sh.fpm.Status)
	addr := s.FreeAddr()
	sh.config.Top["metrics"], sh.page = string(addr), "http://"+string(addr)+"/"
	sh.config.Rest = fmt.Sprintf("[page]\nlisten = %q\n", addr)
	sh.gw = s.Gateway(sh.config)
	var servers []stack.NginxServer
	for _, site := range sh.sites {
		servers = append(servers, stack.NginxServer{Root: site.DocRoot(), Backend: sh.gw.Addr, KeepAlive: 8})
	}
	sh.web = s.Nginx(stack.NginxConfig{Servers: servers})
	return sh
}

// site is the address of a site's page.
func (s *shop) site(n int) string { return s.page + "site?name=" + s.sites[n].Name }

// traffic asks for a page of a site again and again, until stop is called, which gives how
// often it was answered.
func (s *shop) traffic(t *testing.T, n int, path string) (stop func() int) {
	t.Helper()
	ended, over := make(chan struct{}), make(chan int)
	go func() {
		asked := 0
		for {
			select {
			case <-ended:
				over <- asked
				return
			case <-time.After(2 * time.Millisecond):
			}
			response, err := http.Get(s.web.URL(n, path))
			if err != nil {
				continue
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
			asked++
		}
	}()
	return sync.OnceValue(func() int {
		close(ended)
		return <-over
	})
}

// isLive is true once the server has sent something.
const isLive = `document.getElementById("live").className === "on"`

// A viewer is a tab that notes what goes wrong in it.
type viewer struct {
	*browser.Tab
	t *testing.T
}

// watchful notes errors of a page, and what its policy has refused.
const watchful = `window.wrong = [];
addEventListener("error", (e) => wrong.push(String(e.message || e.target.src)), true);
addEventListener("unhandledrejection", (e) => wrong.push(String(e.reason)));
addEventListener("securitypolicyviolation", (e) => wrong.push(e.violatedDirective + " " + e.blockedURI));
for (const level of ["error", "warn"]) console[level] = (...text) => wrong.push(text.join(" "));`

func view(t *testing.T, b *browser.Browser, url string) *viewer {
	v := &viewer{b.Open("data:text/html,x"), t}
	v.OnNewPage(watchful)
	v.Load(url)
	t.Cleanup(func() {
		var wrong []string
		if v.Eval("window.wrong", &wrong); len(wrong) > 0 {
			t.Errorf("in the browser: %q", wrong)
		}
	})
	return v
}

// await waits until an expression is true in the page.
func (v *viewer) await(what, expression string) {
	v.t.Helper()
	stack.Until(v.t, what, func() bool { return v.Is(expression) })
}

// text is that of an element; "" if there is none, or while the page loads again.
func (v *viewer) text(selector string) (text string) {
	if v.Try(fmt.Sprintf("(document.querySelector(%q)||{textContent:''}).textContent", selector), &text) != nil {
		return ""
	}
	return text
}

func TestPage_ShowsAFlipUnderTrafficAsItHappens(t *testing.T) {
	s := openShop(t, 1)
	defer s.traffic(t, 0, "/serves.php")()
	b := browser.Start(t)
	v := view(t, b, s.site(0))
	first, second := s.sites[0].Releases[0], s.sites[0].Releases[1]
	v.await("it is live", isLive)
	v.await("the first release is live", fmt.Sprintf(`document.querySelector("#head small").textContent.includes("release %d is live")`, first))
	v.await("the chart has a band", `drawn && drawn.bands.length === 1 && plots.length === 3`)
	v.Eval(`document.querySelector("#releases a, #releases th").dataset.kept = "yes"`, nil)
	if err := s.sites[0].Flip(second); err != nil {
		t.Fatal(err)
	}
	v.await("the second release is live", fmt.Sprintf(`document.querySelector("#head small").textContent.includes("release %d is live")`, second))
	v.await("the chart has both", `drawn.bands.length === 2 && drawn.marks.some(m => m.kind === "link")`)
	v.await("both have requests", `drawn.bands.every(b => b.requests.some(n => n > 0))`)
	if news := v.text("#head .news"); !strings.Contains(news, fmt.Sprint(second, " is live")) {
		t.Errorf("the news is %q", news)
	}
	v.Load(s.page)
	v.await("workers are shown", `document.querySelector(".pool h4") && /idle/.test(document.getElementById("pools").textContent)`)
	v.await("opcache is shown", `/opcache of/.test(document.getElementById("pools").textContent)`)
}

func TestPage_LeadsFromTheOverviewToARequestInTwoClicks(t *testing.T) {
	s := openShop(t, 3)
	waits, err := http.NewRequest("GET", s.web.URL(1, "/wait.php?order=7"), nil)
	if err != nil {
		t.Fatal(err)
	}
	go http.DefaultClient.Do(waits.WithContext(t.Context()))
	b := browser.Start(t)
	v := view(t, b, s.page)
	row := fmt.Sprintf(`document.getElementById("site-%s")`, s.sites[1].Name)
	v.await("the site has somebody inside", row+` && `+row+`.querySelector('[data-label="Inside"]').textContent === "1"`)
	v.Eval(row+`.querySelector("a").click()`, nil)
	v.await("the site's page is there", `document.querySelector("#inside details summary")`)
	v.Eval(`document.querySelector("#inside details summary").click()`, nil)
	v.await("the request is open", `document.querySelector("#inside details").open`)
	if said := v.text("#inside details"); !strings.Contains(said, "GET /wait.php?order=7") || !strings.Contains(said, "Request id") {
		t.Errorf("the request says %q", said)
	}
	var age string
	v.Eval(`document.querySelector("#inside .age").textContent`, &age)
	v.await("it is updated", fmt.Sprintf(`document.querySelector("#inside .age").textContent !== %q`, age))
	v.await("it stays open", `document.querySelector("#inside details").open`)
}

func TestPage_IsWholeWithoutJavaScript(t *testing.T) {
	s := openShop(t, 2)
	stop := s.traffic(t, 0, "/serves.php")
	b := browser.Start(t)
	v := &viewer{b.Open("data:text/html,x"), t}
	v.WithoutJavaScript()
	v.Load(s.page)
	live := fmt.Sprint(s.sites[0].Releases[0])
	stack.Until(t, "the row of the site has its release", func() bool {
		return strings.Contains(v.text("#site-"+s.sites[0].Name+` [data-label="Live"]`), live)
	})
	stack.Until(t, "the page reloads by itself and has requests", func() bool {
		return !strings.Contains(v.text("#site-"+s.sites[0].Name+` [data-label="Requests/s"]`), "0") || v.text("#site-"+s.sites[0].Name+` polyline`) != ""
	})
	v.Load(s.site(0))
	if said := v.text("#releases"); !strings.Contains(said, live) || !strings.Contains(said, "live") {
		t.Errorf("the releases are %q", said)
	}
	stop()
}

func TestPage_GoesOnWhenAnotherProcessTakesOver(t *testing.T) {
	s := openShop(t, 1)
	stop := s.traffic(t, 0, "/serves.php")
	b := browser.Start(t)
	v := view(t, b, s.site(0))
	v.await("the chart has requests", `drawn && drawn.bands.length === 1 && drawn.bands[0].requests.some(n => n > 0)`)
	stop()
	v.await("the step has ended that has the last of them", `drawn.from > (window.from ??= drawn.from)`)
	before := total(v)
	after := s.gw.Log.Mark()
	if err := s.gw.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	if _, err := s.gw.WaitEvent(after, 20*time.Second, func(e stack.Event) bool { return e.String("message") == "ready" }); err != nil {
		t.Fatal(err)
	}
	v.await("the upgrade is marked", `drawn.marks.some(m => m.kind === "upgrade")`)
	v.await("it is live again", isLive)
	if now := total(v); now != before {
		t.Errorf("the chart had %v requests before, and has %v now", before, now)
	}
}

// total are the requests of the chart.
func total(v *viewer) (n float64) {
	v.Eval(`drawn.bands.reduce((n, b) => n + b.requests.reduce((a, r) => a + Math.round(r * 5), 0), 0)`, &n)
	return n
}

func (s *shop) get(t *testing.T, path string) string {
	t.Helper()
	response, err := http.Get(s.page + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPage_SaysTheSameAsStatusAndMetrics(t *testing.T) {
	s := openShop(t, 1)
	b := browser.Start(t)
	v := view(t, b, s.site(0))
	sent := s.traffic(t, 0, "/serves.php")
	failed := s.traffic(t, 0, "/fails.php")
	v.await("some have come", `drawn && drawn.bands.length === 1 && drawn.bands[0].failed.some(n => n > 0)`)
	all, bad := sent()+failed(), failed()
	name, release := s.sites[0].Name, s.sites[0].Release(s.sites[0].Releases[0])
	var d control.SiteDetail
	out, err := exec.Command(binary(t), "status", name, "--json", "--config", s.gw.Config).Output()
	if err == nil {
		err = json.Unmarshal(out, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	told := d.Docroots[0].Releases[0]
	metric := regexp.MustCompile(`realdocd_release_requests_total\{[^}]*` + regexp.QuoteMeta(release) + `[^}]*\} (\d+)`).FindStringSubmatch(s.get(t, "metrics"))
	if told.Requests != int64(all) || told.Failed != int64(bad) || metric == nil || metric[1] != fmt.Sprint(all) {
		t.Errorf("%d requests were answered, %d of them with 500: status has %d and %d, metrics %v", all, bad, told.Requests, told.Failed, metric)
	}
	want := fmt.Sprintf(`document.querySelector('#releases [data-label="In 15 min"]').textContent === "%d"`, all)
	v.await("the page has as many", want)
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := stack.Binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPage_IsShownByStatusWebToWhoKnowsItsSecret(t *testing.T) {
	s := openShop(t, 1)
	cmd := exec.Command(binary(t), "status", "--web", "--config", s.gw.Config)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(line)
	v := view(t, browser.Start(t), url)
	v.await("it is live", isLive)
	guessed, err := http.Get(url[:strings.Index(url[7:], "/")+8])
	if err != nil {
		t.Fatal(err)
	}
	guessed.Body.Close()
	if guessed.StatusCode != http.StatusNotFound {
		t.Errorf("without the secret the answer is %d", guessed.StatusCode)
	}
	v.Load("data:text/html,away")
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
}

func TestPage_LetsABrowserAskNobodyElse(t *testing.T) {
	s := openShop(t, 1)
	response, err := http.Get(s.page)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the policy is %q", policy)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if outside := regexp.MustCompile(`(?i)(?:src|href)="(?:https?:)?//[^"]*"|<style|\sstyle=|\son\w+=`).Find(body); outside != nil {
		t.Errorf("the page has %s", outside)
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		request, err := http.NewRequest(method, s.page, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s is answered with %d", method, response.StatusCode)
		}
	}
}

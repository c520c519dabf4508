package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

func TestProfilesComeOverTheControlSocketAlone(t *testing.T) {
	s := stack.For(t, "php-fpm")
	site := s.Site(stack.SiteConfig{})
	c := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
	metrics := s.FreeAddr()
	c.Top["metrics"] = string(metrics)
	gw := s.Gateway(c)

	fetch := func(addr stack.Addr, path string) (int, string) {
		t.Helper()
		dial := func(context.Context, string, string) (net.Conn, error) { return addr.Dial() }
		client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
		host := "realdocd"
		if !addr.Unix() {
			host = string(addr) // the metrics are for who asks for this host
		}
		resp, err := client.Get("http://" + host + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}

	status, prof := fetch(gw.Control, "/debug/pprof/profile?seconds=1")
	file := filepath.Join(t.TempDir(), "cpu.prof")
	if err := os.WriteFile(file, []byte(prof), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", file).CombinedOutput()
	if status != http.StatusOK || err != nil || !strings.Contains(string(out), "Type: cpu") {
		t.Errorf("status %d; go tool pprof: %v\n%s", status, err, out)
	}
	if _, stacks := fetch(gw.Control, "/debug/pprof/goroutine?debug=2"); !strings.Contains(stacks, "gateway.(*Server).watchLinks") {
		t.Errorf("the goroutines have no names:\n%s", stacks)
	}

	if status, _ := fetch(metrics, "/metrics"); status != http.StatusOK {
		t.Errorf("/metrics: %d", status)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/profile?seconds=1", "/debug/pprof/heap"} {
		if status, body := fetch(metrics, path); status != http.StatusNotFound {
			t.Errorf("%s on the metrics' address: %d\n%.200s", path, status, body)
		}
	}
	if info, err := os.Stat(string(gw.Control)); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the control socket: %v, %v", info, err)
	}
}

package e2e

import (
	"os"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// The unit lets realdocd make few system calls. Go's runtime makes some, and so do an
// upgrade and the commands' doings with files.
func TestRealdocdServesUnderTheFilterOfItsUnit(t *testing.T) {
	stack.Need(t, "systemd-analyze")
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 2})
	site := s.Site(stack.SiteConfig{})
	c := stack.GatewayFor(fpm, site)
	c.Filtered = true
	gw := s.Gateway(c)
	ask := func(want string) {
		t.Helper()
		reply := s.In(t).Ask(gw.Addr, []byte(strings.Repeat("x", 200_000)), stack.ParamsFor(site.DocRoot(), "POST", "/index.php", "CONTENT_LENGTH", "200000")...)
		if reply.Status != 200 || !strings.Contains(string(reply.Body), want) {
			t.Errorf("status %d, %.200q", reply.Status, reply.Body)
		}
	}
	ask("1")
	s.Flip(site, 2)
	ask("2")
	s.Upgrade(gw)
	ask("2")
	status, err := os.ReadFile("/proc/" + pid(t, s.Command(gw, 0, "status", "--json")) + "/status")
	if err != nil || !strings.Contains(string(status), "\nSeccomp:\t2\n") {
		t.Errorf("the successor runs under no filter: %v\n%s", err, status)
	}
}

// pid is what status says of the daemon.
func pid(t *testing.T, status string) string {
	t.Helper()
	_, rest, _ := strings.Cut(status, `"pid": `)
	pid, _, found := strings.Cut(rest, ",")
	if !found {
		t.Fatalf("status says %s", status)
	}
	return pid
}

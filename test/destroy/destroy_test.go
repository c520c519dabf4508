package destroy

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// A situation is one in which a deploy could destroy something.
type situation struct {
	// what is at stake, in the manual's words.
	what string
	// danger makes it, when the site has had three deploys: of slots B is the idle one,
	// and of releases, with keep = 1, the next deploy wants to remove the oldest. It
	// gives more arguments for the deploy, or another command.
	danger func(y *yard) (args []string)
	// says is in what deploy says; code is its exit code.
	says string
	code int
	// did is what the manual says of it; what deploy says where it is "".
	did string
	// after is called when deploy has ended.
	after func(y *yard)
}

func TestDeployDestroysNothing(t *testing.T) {
	stack.NeedRoot(t, "what deploy can destroy")
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{Status: true, FreshPaths: true, INI: map[string]string{
		"opcache.revalidate_freq": "0", "opcache.file_update_protection": "0", "realpath_cache_ttl": "0",
	}})
	config := stack.GatewayConfig{
		Pools: map[string]stack.Keys{"www": {"server": []string{string(fpm.Addr)}, "status": string(fpm.Status)}},
		Sites: map[string]stack.Keys{"shop": {"docroot": s.Dir + "/none/current/public"}},
	}
	gw := s.Gateway(config)
	var rows table
	for place, situations := range map[string][]situation{"slots": inSlots, "releases": inReleases} {
		for i, situation := range situations {
			t.Run(place+"/"+situation.what, func(t *testing.T) {
				y := &yard{Stack: s.In(t), t: t, dir: filepath.Join(s.Dir, fmt.Sprint(place, i)), fpm: fpm, gw: gw, precious: map[string]string{}}
				y.source = y.at("source")
				y.config = stack.GatewayConfig{Pools: config.Pools, Sites: map[string]stack.Keys{}}
				y.must(os.Chmod(y.mkdir(""), 0o777)) // PHP says there that it runs
				did := y.meet(place, situation)
				if !t.Failed() && !t.Skipped() {
					rows = append(rows, row{place, i, situation.what, did})
				}
			})
		}
	}
	rows.compare(t, len(inSlots)+len(inReleases))
}

// meet makes a situation, deploys into it, and gives what deploy did.
func (y *yard) meet(place string, s situation) (did string) {
	y.t.Helper()
	keys := stack.Keys{"docroot": y.at("current/public")}
	if place == "slots" {
		keys["slots"] = []string{y.at("A"), y.at("B")}
	} else {
		keys["releases"], keys["keep"] = y.at("releases"), 1
	}
	y.site("shop", keys)
	for range 3 {
		y.deploy()
	}
	y.wantServed()
	args := s.danger(y)
	y.build()
	if len(args) == 0 || strings.HasPrefix(args[0], "--") {
		args = append([]string{"deploy", "shop", y.source}, args...)
	}
	code, said, err := y.gw.Command(args...)
	y.must(err)
	if code != s.code || !strings.Contains(said, y.paths(s.says)) {
		y.t.Errorf("exit code %d, want %d with %q:\n%s", code, s.code, y.paths(s.says), said)
	}
	y.wantKept()
	y.wantServed()
	if s.after != nil {
		s.after(y)
	}
	if s.did != "" {
		return s.did
	}
	for line := range strings.Lines(said) {
		if first, _, _ := strings.Cut(y.paths(s.says), "\n"); strings.Contains(line, first) {
			return y.asInManual(line)
		}
	}
	return ""
}

// paths fills in the yard's directory.
func (y *yard) paths(text string) string { return strings.ReplaceAll(text, "DIR", y.dir) }

// asInManual takes out of what was said what is different each time.
func (y *yard) asInManual(line string) string {
	line = strings.TrimPrefix(strings.TrimSpace(line), "realdocd: ")
	line = strings.ReplaceAll(line, y.dir, "/var/www/shop")
	for _, r := range []struct{ from, to string }{
		{`20\d{12}(-\d+)?`, "OLD"},
		{`device 0x[0-9a-f]+, inode \d+`, "inode N"},
		{`pid \d+`, "pid N"},
		{` \(\d[\d.]*(µs|ms|s)\)$`, ""},
		{`/tmp/\S*/realdocd/`, "/etc/realdocd/"},
		{`php\S* \(`, "php ("},
	} {
		line = regexp.MustCompile(r.from).ReplaceAllString(line, r.to)
	}
	return line
}

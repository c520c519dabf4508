package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/pin"
	"realdocd/test/stack"
)

// manyPins is how many different pins the visitors have.
const manyPins = 100_000

// pins loads sites whose requests carry pins, each through a realdocd and to a PHP-FPM of its
// own. All requests are alike, up to the length of their cookie.
func pins(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	const clients = 8
	r.says("Requests for a script that does nothing, as a page asks, %d clients, %d rounds; ratios are of a site without pins", clients, rounds)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	keyFile, keys := filepath.Join(s.Dir, "pin.key"), pin.NewKeys()
	if err := os.WriteFile(keyFile, keys.Text(), 0o600); err != nil {
		return err
	}
	one, many := filepath.Join(s.Dir, "one.pin"), filepath.Join(s.Dir, "many.pins")
	if err := writePins(one, keys, site, 1); err != nil {
		return err
	}
	if err := writePins(many, keys, site, manyPins); err != nil {
		return err
	}
	var paths []*path
	var servers []stack.NginxServer
	for _, row := range []struct{ name, pin, cookie, file string }{
		{"off", "off", "release", one},
		{"on, no pin yet", "page", "another", one},
		{"on, one pin", "page", "release", one},
		{fmt.Sprintf("on, %d pins", manyPins), "page", "release", many},
	} {
		fpm := s.FPM(stack.FPMConfig{MaxChildren: workers})
		c := stack.GatewayFor(fpm, site)
		c.Top["pin_key_file"] = keyFile
		c.Sites[site.Name]["pin"] = row.pin
		gateway, err := startReusing(s, c)
		if err != nil {
			return err
		}
		paths = append(paths, &path{name: row.name, pids: []int{gateway.Pid()}, fpm: fpm.Workers(), lua: cookieLua(row.cookie, row.file)})
		servers = append(servers, stack.NginxServer{Root: site.DocRoot(), Backend: gateway.Addr, KeepAlive: 64})
	}
	nginx := s.Nginx(stack.NginxConfig{Servers: servers})
	for i, p := range paths {
		p.url, p.base = nginx.URL(i, trivial), paths[0]
	}
	if err := alternate(ctx, paths, rounds, clients); err != nil {
		return err
	}
	t := r.table("pins", "req/s", "ratio", "p99", "ratio", "CPU", "ratio", "PHP-FPM's", "ratio")
	for _, p := range paths {
		t.row(p.compared(clients)...)
	}
	t.end()
	for _, p := range paths[1:] {
		r.wants(p.name+": requests/s", atLeast(0.97), p.of(paths[0], clients, rates))
		r.wants(p.name+": CPU a request", atMost(1.03), p.of(paths[0], clients, cpu))
	}
	return nil
}

// writePins writes pins to the live release, one a line, each of another time.
func writePins(file string, keys *pin.Keys, site *stack.Site, n int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	token := pin.Token{
		Kind: pin.Page, Site: pin.SiteOf(site.Name, ""), Release: deploy.TagOf(site.Link(), site.Release(site.Releases[0])),
		Name: pin.AppendName(nil, fmt.Sprint(site.Releases[0])),
	}
	for i := range n {
		token.Issued = time.Now().Add(-time.Duration(i) * time.Millisecond)
		text, _ := keys.Append(nil, &token)
		fmt.Fprintf(out, "%s\n", text)
	}
	return out.Flush()
}

// cookieLua has wrk send each request with the next of the cookies in a file.
func cookieLua(name, file string) string {
	return fmt.Sprintf(`
local requests = {}
local n = 0
init = function(args)
  for line in io.lines(%q) do
    requests[#requests + 1] = wrk.format("GET", nil, {["Cookie"] = %q .. "=" .. line, ["Sec-Fetch-Dest"] = "empty", ["Host"] = "shop"})
  end
end
request = function()
  n = n %% #requests + 1
  return requests[n]
end
`, file, name)
}

// static loads nginx for a static file: as it is, with a question to realdocd for each file, and with
// the release's name out of the pin.
func static(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	const clients = 8
	r.says("A static file of 4 KiB, one nginx worker a row, %d clients, %d rounds; CPU is realdocd's", clients, rounds)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	for _, n := range site.Releases {
		if err := os.WriteFile(site.Release(n)+"/public/app.css", make([]byte, 4<<10), 0o644); err != nil {
			return err
		}
	}
	keyFile, keys := filepath.Join(s.Dir, "pin.key"), pin.NewKeys()
	if err := os.WriteFile(keyFile, keys.Text(), 0o600); err != nil {
		return err
	}
	file := filepath.Join(s.Dir, "one.pin")
	if err := writePins(file, keys, site, 1); err != nil {
		return err
	}
	c := stack.GatewayFor(s.FPM(stack.FPMConfig{MaxChildren: workers}), site)
	c.Top["pin_key_file"] = keyFile
	c.Sites[site.Name]["pin"] = "page"
	gateway, err := startReusing(s, c)
	if err != nil {
		return err
	}
	var paths []*path
	for _, row := range []struct {
		name     string
		snippets []string
	}{
		{"of the live release", nil},
		{"a question for each (auth_request)", []string{"realdocd-static-pinned.conf"}},
		{"the name is believed (map)", []string{"realdocd-static-map.conf"}},
	} {
		front := s.Front(stack.FrontConfig{Server: stack.SampleNginx, Site: site, Backend: gateway.Addr, Snippets: row.snippets})
		p := &path{name: row.name, url: front.URL("/app.css"), lua: cookieLua("release", file)}
		if p.name[0] == 'a' {
			p.pids = []int{gateway.Pid()}
		}
		paths = append(paths, p)
	}
	if err := alternate(ctx, paths, rounds, clients); err != nil {
		return err
	}
	t := r.table("static files", "files/s", "ratio", "p99", "CPU")
	for _, p := range paths {
		f, used := p.with[clients], "-"
		if p.pids != nil {
			used = fmt.Sprintf("%.1f µs", median(f.cpu))
		}
		t.row(p.name, fmt.Sprintf("%.0f", median(f.rates)), fmt.Sprintf("%.2f", p.of(paths[0], clients, rates)), fmt.Sprintf("%.2f ms", median(f.p99)), used)
	}
	t.end()
	return nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"realdocd/test/stack"
)

// demo is one site with two ways to it.
type demo struct {
	site  *stack.Site
	web   *stack.Nginx
	paths [2]path
}

// path is one way from the browser to PHP.
type path struct {
	name, what, url string
}

// open starts everything.
func open(s *stack.Stack) *demo {
	site := s.Site(stack.SiteConfig{})
	// As shipped, PHP's caches hide a flip from its workers until they are restarted; who deploys by
	// symlink without restarts turns that off. realdocd does not need it, but both ways use this one.
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 16, FreshPaths: true})
	gw := s.Gateway(stack.GatewayFor(fpm, site))
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: gw.Addr},
		{Root: site.DocRoot(), Backend: fpm.Addr, Params: []string{`PHP_VALUE "include_path=` + site.IncludePath() + `"`}},
	}})
	return &demo{site, web, [2]path{
		{"realdocd", "nginx → realdocd → PHP-FPM", web.URL(0, "/index.php")},
		{"plain", "nginx → PHP-FPM, $document_root and include_path through the symlink", web.URL(1, "/index.php")},
	}}
}

func (d *demo) introduce(out io.Writer) {
	version, _ := stack.Version() // it has started: there is one
	fmt.Fprintf(out, `
One site, two releases, PHP %s, its path caches off so that it sees deploys without a restart.
A page includes 50 files, which takes about 10 ms.
A deploy renames a symlink: %s -> releases/1 or releases/2
A request is torn when it has run on files of both.

`, version, d.site.Link())
	for _, p := range d.paths {
		fmt.Fprintf(out, "  %-9s %-36s %s\n", p.name, p.url, p.what)
	}
	fmt.Fprintf(out, "\n%d deploys while 4 clients ask for the page on each way:\n\n", flips)
}

// show runs the traffic and the deploys, and tells whether realdocd kept its promise and the other way did not.
func (d *demo) show(ctx context.Context, out io.Writer) (right bool, err error) {
	trafficCtx, enough := context.WithCancel(ctx)
	defer enough()
	var traffic [2]*stack.Traffic
	for i, p := range d.paths {
		traffic[i] = stack.Load{URLs: []string{p.url}, Clients: 4}.Start(trafficCtx)
	}
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for n := 1; n <= flips; n++ {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-ticker.C:
		}
		live := d.site.Releases[n%2]
		if err := d.site.Flip(live); err != nil {
			return false, err
		}
		through, plain := traffic[0].Tally(), traffic[1].Tally()
		fmt.Fprintf(out, "  deploy %2d: release %d is live    realdocd %5d requests, %d torn    plain %5d requests, %d torn\n",
			n, live, through.Total, through.Torn, plain.Total, plain.Torn)
	}
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-ticker.C: // the last release has its turn too
	}
	enough()
	through, plain := traffic[0].Wait(), traffic[1].Wait()
	d.table(out, through, plain)
	return through.Torn == 0 && through.Failed == 0 && through.Total > 0 && plain.Torn > 0, nil
}

func (d *demo) table(out io.Writer, tallies ...*stack.Tally) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\trequests\ton release 1\ton release 2\ttorn\tfailed\t")
	for i, t := range tallies {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", d.paths[i].name, t.Total, t.Releases["1"], t.Releases["2"], t.Torn, t.Failed)
	}
	w.Flush()
	for i, t := range tallies {
		for _, example := range t.Examples {
			if strings.HasPrefix(example, "torn") || strings.HasPrefix(example, "failed") {
				fmt.Fprintf(out, "\nOne of %s: %s\n", d.paths[i].name, example)
				break
			}
		}
	}
	fmt.Fprintln(out)
}

// explain tells how to go on by hand.
func (d *demo) explain(out io.Writer) {
	fmt.Fprintf(out, `Still up, until Ctrl-C. Ask for the page on either way:

  curl -s %s
  curl -s %s

and deploy by hand; the next request through realdocd is on the new release:

  ln -s releases/1 %[3]s/next && mv -T %[3]s/next %[3]s/current
  ln -s releases/2 %[3]s/next && mv -T %[3]s/next %[3]s/current

`, d.paths[0].url, d.paths[1].url, d.site.Dir)
}

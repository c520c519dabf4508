package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

func newPreview() *cobra.Command {
	var o liveOptions
	var lasts time.Duration
	var base string
	cmd := &cobra.Command{
		Use:   "preview SITE RELEASE",
		Short: "Print a link that shows a release that is not live",
		Long: `preview prints a link that puts the browser that opens it, and nobody else, on a release
that is not live, for a time. What flip would refuse is refused, and the site's warm-up
runs; before_flip does not. The browser sees the site during a maintenance, too.

Who has the link sees the release. It ends by itself, and with a drain of the release.`,
		Example: `  realdocd preview shop releases/43
  realdocd preview shop 43 --for 8h --url https://shop.example/checkout`,
		Args: siteArguments("RELEASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lasts < time.Second || lasts > control.MaxPreview {
				return usageError{fmt.Errorf("--for: want a duration from 1s to %s", control.MaxPreview)}
			}
			if err := checkBase(base); err != nil {
				return usageError{err}
			}
			return o.unlocked(cmd, args[0], func(ctx context.Context, g *goLive) error {
				return g.preview(ctx, args[1], base, lasts)
			})
		},
		ValidArgsFunction: o.completeSiteThenDirectory,
	}
	o.flags(cmd)
	cmd.Flags().DurationVar(&lasts, "for", time.Hour, "how long the link leads to the release, as `TIME`")
	cmd.Flags().StringVar(&base, "url", "", "`URL` of a page of the site, such as https://shop.example/; default is the first of warm that has a host")
	return cmd
}

func checkBase(base string) error {
	u, err := url.Parse(base)
	if base != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("--url: want a URL such as https://shop.example/, not %q", base)
	}
	return nil
}

func (g *goLive) preview(ctx context.Context, asked, base string, lasts time.Duration) error {
	if g.daemon == nil {
		return fmt.Errorf("a preview cannot be done: %s", g.alone)
	}
	link := g.out
	g.out = g.errs // so that the link is all that is on standard output
	defer func() { g.out = link }()
	return g.locked(func() error {
		release, err := g.findDirectory(asked)
		if err != nil {
			return err
		}
		release, seen, err := g.choose(release)
		if err != nil {
			return err
		}
		if g.link.exists && seen == g.link.live {
			return fmt.Errorf("%s is live: everybody sees it", seen)
		}
		if err := g.prepare(ctx, release, seen); err != nil || g.opts.dryRun {
			return err
		}
		got, err := g.daemon.Preview(ctx, g.at, seen, lasts)
		if err != nil {
			return fmt.Errorf("make a link to %s: %w", seen, err)
		}
		g.outcome.Preview = g.previewURL(base, got.Token)
		if !g.asJSON {
			fmt.Fprintln(link, g.outcome.Preview)
		}
		return nil
	})
}

// previewURL is the link: of the page that was named, or of one that is warmed.
func (g *goLive) previewURL(base, token string) string {
	for _, warm := range g.site.Warm {
		if u, err := url.Parse(warm); base == "" && err == nil && u.Host != "" {
			base = warm
		}
	}
	if base == "" {
		g.warn("the site's address is not known: put it before the link, or give --url https://...")
		base = "/"
	}
	separator := "?"
	if strings.Contains(base, "?") {
		separator = "&"
	}
	base, fragment, _ := strings.Cut(base, "#")
	link := base + separator + "_release=" + token
	if fragment != "" {
		link += "#" + fragment
	}
	return link
}

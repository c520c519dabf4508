package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/gateway"
)

// checkTimeout bounds the wait for all PHP-FPM listeners.
const checkTimeout = 10 * time.Second

// A result is one thing that was checked.
type result struct {
	Kind    string  `json:"kind"` // config, docroot or fpm
	Name    string  `json:"name"` // file:line, a docroot, a listener
	OK      bool    `json:"ok"`
	Detail  string  `json:"detail"`
	Site    string  `json:"site,omitempty"`
	Pool    string  `json:"pool,omitempty"`
	Link    string  `json:"link,omitempty"`
	Release string  `json:"release,omitempty"`
	TookMS  float64 `json:"took_ms,omitempty"`
}

type report struct {
	OK      bool     `json:"ok"`
	Results []result `json:"results"`
	Summary string   `json:"summary"`
}

func newCheck() *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, the docroots and PHP-FPM",
		Long: `check reads the configuration and names all of its faults, resolves each docroot
that is not a pattern, and asks each PHP-FPM listener for an answer. It changes
nothing. It exits with 0 when all is well, and with 1 when a check failed.`,
		Example: `  realdocd check --config ./realdocd.toml
  realdocd check --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
			defer cancel()
			return answer(cmd.OutOrStdout(), check(ctx, file), asJSON)
		},
	}
	cmd.Flags().StringVar(&file, "config", defaultConfigFile, "configuration `FILE`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

// answer writes the report, and is errNo for a bad one.
func answer(w io.Writer, r report, asJSON bool) error {
	var err error
	if asJSON {
		err = json.NewEncoder(w).Encode(r)
	} else {
		err = r.write(w)
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if !r.OK {
		return errNo
	}
	return nil
}

func check(ctx context.Context, file string) report {
	c, err := loadConfig(file)
	if err == nil {
		_, err = gateway.New(c.gateway, zerolog.Nop())
	}
	if err != nil {
		return summarize(configFaults(file, err), "; docroots and PHP-FPM were not checked")
	}
	results := []result{{Kind: "config", Name: file, OK: true, Detail: fmt.Sprintf("%s, %s",
		count(len(c.gateway.Sites), "site"), count(len(c.gateway.Pools), "pool"))}}
	for _, site := range c.gateway.Sites {
		results = append(results, checkDocroot(site))
	}
	for _, status := range gateway.CheckPools(ctx, c.gateway.Pools) {
		results = append(results, poolResult(status))
	}
	return summarize(results, "")
}

func summarize(results []result, more string) report {
	bad := 0
	for _, r := range results {
		if !r.OK {
			bad++
		}
	}
	if bad == 0 {
		return report{true, results, fmt.Sprintf("all well: %s%s", count(len(results), "check"), more)}
	}
	return report{false, results, fmt.Sprintf("%d of %s failed%s", bad, count(len(results), "check"), more)}
}

func configFaults(file string, err error) []result {
	var all *faults
	if !errors.As(err, &all) {
		return []result{{Kind: "config", Name: file, Detail: err.Error()}}
	}
	var results []result
	for _, f := range all.list {
		results = append(results, result{Kind: "config", Name: all.where(f), Detail: f.text})
	}
	return results
}

func checkDocroot(site gateway.SiteConfig) result {
	r := result{Kind: "docroot", Name: site.Docroot, Site: site.Name}
	if site.IsGlob() {
		// The pattern is known to be good, and what it matches may come later.
		matches, _ := filepath.Glob(site.Docroot)
		r.OK, r.Detail = true, fmt.Sprintf("a pattern, which %s now", matched(len(matches)))
		return r
	}
	got, err := deploy.Inspect(site.Docroot, site.Resolve, site.LinkAfter)
	if err != nil {
		r.Detail = err.Error()
		return r
	}
	r.OK, r.Link, r.Release = true, got.Link, got.Release
	r.Detail = fmt.Sprintf("link %s, release %s", got.Link, got.Release)
	if got.Link == got.Docroot && got.Release == got.Docroot {
		r.Detail = "has no symlink on its path: it is its own release, and a deploy cannot be seen"
	}
	return r
}

func matched(n int) string {
	if n == 1 {
		return "matches 1 directory"
	}
	return fmt.Sprintf("matches %d directories", n)
}

func poolResult(s gateway.ServerCheck) result {
	r := result{Kind: "fpm", Name: s.Server, Pool: s.Pool, TookMS: float64(s.Took.Microseconds()) / 1000}
	if s.Err != nil {
		r.Detail = fmt.Sprintf("pool %s: %v", s.Pool, s.Err)
		return r
	}
	r.OK = true
	r.Detail = fmt.Sprintf("pool %s answers, in %s", s.Pool, s.Took.Round(10*time.Microsecond))
	return r
}

// write writes a line for each result, for people.
func (r report) write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, x := range r.Results {
		verdict := "ok"
		if !x.OK {
			verdict = "FAILED"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", x.Kind, verdict, x.Name, x.Detail)
	}
	fmt.Fprintln(table, r.Summary)
	return table.Flush()
}

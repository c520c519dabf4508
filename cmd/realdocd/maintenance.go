package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/gateway/control"
)

func newMaintenance() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "maintenance",
		Short: "Have visitors of a site get a page of maintenance",
		Long: `maintenance on has visitors of a site get a page, with the status 503 and a
Retry-After, before anything of theirs runs in PHP; maintenance off lets them in again.
Both survive a reload, an upgrade and a restart.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("say which: maintenance on, or off")}
		},
	}
	cmd.AddCommand(newMaintenanceOn(), newMaintenanceOff())
	return cmd
}

// defaultPage is for a maintenance without a page.
const defaultPage = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Back soon</title>
<h1>Back soon</h1>
<p>This site is being maintained. Please try again in a few minutes.</p>
`

func newMaintenanceOn() *cobra.Command {
	var o siteOptions
	var page, until string
	var allow []string
	cmd := &cobra.Command{
		Use:   "on SITE",
		Short: "Close a site to visitors",
		Long: `maintenance on has visitors of the site get the page, with the status 503. The page is
read now; a later change of the file changes nothing. What the web server answers by
itself, as images, goes on. Requests that run go on.

Of a site whose docroot is a pattern, --docroot means one of them; without it all of them
are closed. It prints nothing when it has worked.`,
		Example: `  realdocd maintenance on shop --page maintenance.html --until 30m
  realdocd maintenance on shop --allow 203.0.113.7 --allow 2001:db8::/48`,
		Args: siteArguments(),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := maintenanceOf(page, until, allow, time.Now(), cmd.InOrStdin())
			if err != nil {
				return err
			}
			return o.ask(answerTimeout, func(ctx context.Context, daemon *control.Client) error {
				if _, err := daemon.BeginMaintenance(ctx, control.SiteAddress{Site: args[0], Docroot: o.docroot}, m); err != nil {
					return err
				}
				o.noteForgets(cmd.ErrOrStderr())
				return nil
			})
		},
		ValidArgsFunction: o.completeSite,
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&page, "page", "", "`FILE` of HTML or text that visitors get; - is standard input")
	cmd.Flags().StringVar(&until, "until", "", "`WHEN` visitors are told to come again: 30m, 14:30, or 2026-11-27T14:30:00Z")
	cmd.Flags().StringArrayVar(&allow, "allow", nil, "`ADDRESS` or network of visitors who see the site; may be given again")
	return cmd
}

// noteForgets says that the daemon keeps nothing over a restart, if that is so.
func (o *siteOptions) noteForgets(w io.Writer) {
	if o.socket != "" {
		return // which file the daemon has is not known
	}
	if c, err := conf.Load(o.file); err == nil && c.Gateway.StateDir == "" {
		fmt.Fprintln(w, `note: state_dir is "", so a restart of realdocd would end the maintenance`)
	}
}

func newMaintenanceOff() *cobra.Command {
	var o siteOptions
	cmd := &cobra.Command{
		Use:               "off SITE",
		Short:             "Let visitors of a site in again",
		Long:              `maintenance off lets visitors in again. It prints nothing when it has worked.`,
		Example:           `  realdocd maintenance off shop`,
		Args:              siteArguments(),
		ValidArgsFunction: o.completeSite,
		RunE: func(_ *cobra.Command, args []string) error {
			return o.ask(answerTimeout, func(ctx context.Context, daemon *control.Client) error {
				_, err := daemon.EndMaintenance(ctx, control.SiteAddress{Site: args[0], Docroot: o.docroot})
				return err
			})
		},
	}
	o.flags(cmd)
	return cmd
}

// maintenanceOf reads what the flags say.
func maintenanceOf(page, until string, allow []string, now time.Time, in io.Reader) (m control.Maintenance, err error) {
	if m.Until, err = readUntil(until, now); err != nil {
		return m, usageError{err}
	}
	for _, text := range allow {
		for _, one := range strings.Split(text, ",") {
			network, err := readNetwork(strings.TrimSpace(one))
			if err != nil {
				return m, usageError{fmt.Errorf("--allow: %w", err)}
			}
			m.Allow = append(m.Allow, control.Network{Prefix: network})
		}
	}
	if m.Page, err = readPage(page, in); err != nil {
		return m, fmt.Errorf("--page: %w", err)
	}
	if err := m.Check(); err != nil {
		return m, fmt.Errorf("--page: %w", err)
	}
	return m, nil
}

func readPage(path string, in io.Reader) ([]byte, error) {
	switch path {
	case "":
		return []byte(defaultPage), nil
	case "-":
		return io.ReadAll(io.LimitReader(in, control.MaxPage+1))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, control.MaxPage+1))
}

// readNetwork reads an address, or a network as 203.0.113.0/24.
func readNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("want an address such as 203.0.113.7, or a network such as 203.0.113.0/24, not %q", text)
	}
	if network.Masked() != network {
		return netip.Prefix{}, fmt.Errorf("%s is not a network: %s is the one that it lies in", text, network.Masked())
	}
	return network, nil
}

// readUntil reads a time of day, a time, or how long from now; the zero time for "".
func readUntil(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	until := time.Time{}
	if d, err := time.ParseDuration(text); err == nil {
		until = now.Add(d)
	} else if clock, err := time.ParseInLocation("15:04", text, now.Location()); err == nil {
		until = time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), 0, 0, now.Location())
		if !until.After(now) {
			until = until.AddDate(0, 0, 1)
		}
	} else if until, err = time.Parse(time.RFC3339, text); err != nil {
		if until, err = time.ParseInLocation("2006-01-02 15:04", text, now.Location()); err != nil {
			return until, fmt.Errorf("--until: want 30m, 14:30, 2026-11-27T14:30:00Z or \"2026-11-27 14:30\", not %q", text)
		}
	}
	if !until.After(now) {
		return until, fmt.Errorf("--until: %s is over", text)
	}
	return until, nil
}

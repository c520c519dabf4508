package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
)

// adhoc is a configuration of flags alone, to try realdocd without a file.
type adhoc struct {
	listen, fpm, docroots, clients []string
	control                        string
	includePath, releaseHeader     string
}

// adhocFlags name each key as the command line does.
var adhocFlags = map[string]string{
	"listen":          "listen",
	"allowed_clients": "allowed-clients",
	"control":         "control",
	"server":          "fpm",
	"docroot":         "docroot",
	"include_path":    "include-path",
	"release_header":  "release-header",
}

func (a *adhoc) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&a.listen, "listen", nil, "without a file: `ADDRESS` to listen on, a socket's path or host:port (may be repeated)")
	f.StringArrayVar(&a.fpm, "fpm", nil, "without a file: `ADDRESS` of PHP-FPM (may be repeated)")
	f.StringArrayVar(&a.docroots, "docroot", nil, "without a file: `PATH` or pattern of a document root (may be repeated)")
	f.StringArrayVar(&a.clients, "allowed-clients", nil, "without a file: `NETWORK` that may connect over TCP (may be repeated)")
	f.StringVar(&a.control, "control", "", "without a file: `PATH` of the control socket; none if not given")
	f.StringVar(&a.includePath, "include-path", "", "without a file: include_path of the sites, mapped to the release")
	f.StringVar(&a.releaseHeader, "release-header", "", "without a file: response header that gets the release's `NAME`")
}

// given are the flags of adhoc that are on the command line.
func (a *adhoc) given(cmd *cobra.Command) []string {
	var given []string
	for _, name := range []string{"listen", "fpm", "docroot", "allowed-clients", "control", "include-path", "release-header"} {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	return given
}

// config reads the flags as conf reads the keys of a file: with the same defaults, and it
// refuses the same things.
func (a *adhoc) config() (conf.Config, error) {
	var missing []error
	if len(a.fpm) == 0 {
		missing = append(missing, errors.New("--fpm is missing: name PHP-FPM's listener, as in --fpm /run/php/php8.2-fpm.sock"))
	}
	if len(a.docroots) == 0 {
		missing = append(missing, errors.New("--docroot is missing: name a document root, as in --docroot '/var/www/*/current/public'"))
	}
	if err := errors.Join(missing...); err != nil {
		return conf.Config{}, err
	}
	raw, err := a.document()
	if err != nil {
		return conf.Config{}, err
	}
	return conf.FromFlags(raw, func(key string) string { return "--" + adhocFlags[key] })
}

// document is the flags as TOML would have them. A site is named after its docroot.
func (a *adhoc) document() (map[string]any, error) {
	listen, err := absolutePaths(a.listen)
	if err != nil {
		return nil, err
	}
	control := a.control
	if control != "" {
		if control, err = filepath.Abs(control); err != nil {
			return nil, fmt.Errorf("complete the path of %s: %w", control, err)
		}
	}
	servers, err := absolutePaths(a.fpm)
	if err != nil {
		return nil, err
	}
	sites := map[string]any{}
	for _, docroot := range a.docroots {
		sites[docroot] = map[string]any{
			"docroot":        docroot,
			"include_path":   a.includePath,
			"release_header": a.releaseHeader,
		}
	}
	raw := map[string]any{
		"control": control,
		// Two daemons that are tried side by side must not write one history.
		"state_dir": "",
		"pool":      map[string]any{"fpm": map[string]any{"server": servers}},
		"site":      sites,
	}
	if len(listen) > 0 {
		raw["listen"] = listen
	}
	if len(a.clients) > 0 {
		raw["allowed_clients"] = values(a.clients)
	}
	return raw, nil
}

// absolutePaths completes socket paths, which somebody at a shell may give relative to
// the working directory. An address with a colon and without a slash is host:port.
func absolutePaths(addrs []string) ([]any, error) {
	paths := make([]any, len(addrs))
	for i, addr := range addrs {
		paths[i] = addr
		if strings.Contains(addr, ":") && !strings.Contains(addr, "/") || strings.HasPrefix(addr, "unix:") {
			continue
		}
		abs, err := filepath.Abs(addr)
		if err != nil {
			return nil, fmt.Errorf("complete the path of %s: %w", addr, err)
		}
		paths[i] = abs
	}
	return paths, nil
}

func values(list []string) []any {
	vs := make([]any, len(list))
	for i, s := range list {
		vs[i] = s
	}
	return vs
}

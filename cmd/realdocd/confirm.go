package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/incpath"
)

// confirm wants a release that somebody has named, the daemon or a history, to be one of
// the site: the live one, a slot, one below releases, or one beside the live one. Root
// flips to no other directory and runs nothing there, whoever says so.
func (t *namedSite) confirm(release string) error {
	if !filepath.IsAbs(release) || filepath.Clean(release) != release {
		return fmt.Errorf("%q is no clean path of a release", release)
	}
	for _, slot := range t.site.Slots {
		if release == filepath.Clean(slot) || release == t.seenAs(slot) {
			return nil
		}
	}
	parents := []string{}
	if t.site.Releases != "" {
		parents = append(parents, filepath.Clean(t.site.Releases), t.seenAs(t.site.Releases))
	}
	if got, err := deploy.Inspect(t.docroot, t.site.Links()); err == nil {
		if release == got.Release {
			return nil
		}
		parents = append(parents, filepath.Dir(got.Release))
	} else if link, err := t.findLink(); err == nil {
		if points, err := deploy.LinkTarget(link.path); err == nil {
			parents = append(parents, filepath.Dir(points))
		}
	}
	for _, parent := range parents {
		if filepath.Dir(release) == parent {
			return nil
		}
	}
	return fmt.Errorf("%s is neither live, nor a slot, nor in releases, nor beside the live release of site %s", release, t.site.Name)
}

// confirmEnv wants what the daemon says of the release that a command enters to be what
// the site's own link, slots and releases say.
func (t *namedSite) confirmEnv(env *control.CommandEnv) error {
	if err := t.confirm(env.Release); err != nil {
		return fmt.Errorf("the daemon names a release that nothing confirms: %w", err)
	}
	got, err := deploy.Inspect(t.docroot, t.site.Links())
	if err != nil {
		return err
	}
	below := strings.TrimPrefix(got.ResolvedDocroot, got.Release)
	if env.Release != got.Release {
		got.ResolvedDocroot = env.Release + below
	}
	if env.ResolvedDocroot != got.ResolvedDocroot || env.Docroot != got.Docroot {
		return fmt.Errorf("the daemon names the docroot %s, and the link of site %s leads to %s", env.ResolvedDocroot, t.site.Name, got.ResolvedDocroot)
	}
	mapping := incpath.Mapping{
		Spellings: got.Spellings, Release: env.Release,
		ResolvedDocroot: got.ResolvedDocroot, Pattern: t.site.SearchReplacePattern,
	}
	if t.site.IncludePath != "" {
		env.IncludePath = mapping.List(t.site.IncludePath)
	} else {
		env.IncludePath = ""
	}
	return nil
}

package stack

import (
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed php/page.php
var page string

// SiteConfig is a site with two releases, the first of them live.
type SiteConfig struct {
	Name     string // default "shop"
	First    int    // the number of the first release, default 1: sites that share a pool must not share numbers
	Absolute bool   // the link's target is an absolute path
	Pages    fs.FS  // copied into every release's public
}

// Site is a site on disk, as deploy tools lay it out:
//
//	shop/current -> releases/1
//	shop/releases/1/public/index.php    the page; include_path comes from outside
//	shop/releases/1/public/own.php      the page; sets include_path itself, from DOCUMENT_ROOT
//	shop/releases/1/lib/part_00.php …   each returns the number of its release
type Site struct {
	Name     string
	Dir      string
	Releases [2]int

	absolute bool
}

// Site writes the site's files.
func (s *Stack) Site(c SiteConfig) *Site {
	s.t.Helper()
	if c.Name == "" {
		c.Name = "shop"
	}
	first := max(c.First, 1)
	site := &Site{Name: c.Name, Dir: filepath.Join(s.Dir, c.Name), Releases: [2]int{first, first + 1}, absolute: c.Absolute}
	for _, n := range site.Releases {
		s.check(site.write(n, c.Pages))
	}
	s.check(site.Flip(first))
	return site
}

func (s *Site) write(n int, pages fs.FS) error {
	public, lib := filepath.Join(s.Release(n), "public"), filepath.Join(s.Release(n), "lib")
	files := map[string]string{
		filepath.Join(public, "index.php"): page,
		filepath.Join(public, "own.php"): strings.Replace(page, "//SET_INCLUDE_PATH",
			"set_include_path($_SERVER['DOCUMENT_ROOT'] . '/../lib');", 1),
	}
	for i := range 50 {
		files[filepath.Join(lib, fmt.Sprintf("part_%02d.php", i))] = fmt.Sprintf("<?php return '%d';\n", n)
	}
	for _, dir := range []string{public, lib} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for file, text := range files {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if pages == nil {
		return nil
	}
	return os.CopyFS(public, pages)
}

// Link is the symlink that a deploy flips.
func (s *Site) Link() string { return filepath.Join(s.Dir, "current") }

// DocRoot is the document root as web servers are told.
func (s *Site) DocRoot() string { return filepath.Join(s.Link(), "public") }

// IncludePath leads to the site's parts through the link.
func (s *Site) IncludePath() string { return ".:" + filepath.Join(s.Link(), "lib") }

// Release is the directory of the n-th release.
func (s *Site) Release(n int) string { return filepath.Join(s.Dir, "releases", fmt.Sprint(n)) }

// Flip makes the n-th release live: a new symlink beside the link, renamed over it.
func (s *Site) Flip(n int) error {
	target := filepath.Join("releases", fmt.Sprint(n))
	if s.absolute {
		target = s.Release(n)
	}
	next := filepath.Join(s.Dir, fmt.Sprintf(".next.%d", os.Getpid()))
	if err := os.Symlink(target, next); err != nil {
		return err
	}
	return os.Rename(next, s.Link())
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"realdocd/deploy"
)

// A siteLink is what a deploy flips.
type siteLink struct {
	path string
	// exists is false before the first deploy.
	exists bool
	// live is the release behind it; "" where that is not known.
	live string
	// below is the docroot below the release, "" or as in "/public".
	below string
}

// link finds the link on the target's docroot, one that points nowhere too. Where
// there is none yet, it is the first of the docroot's directories that is missing.
func (t *target) link() (siteLink, error) {
	after := strings.TrimSuffix(t.site.LinkAfter, "/")
	start := 0
	if strings.HasPrefix(t.docroot, after+"/") {
		start = len(after)
	}
	for end := start + 1; end <= len(t.docroot); end++ {
		if end < len(t.docroot) && t.docroot[end] != '/' {
			continue
		}
		at := siteLink{path: t.docroot[:end], below: t.docroot[end:]}
		switch fi, err := os.Lstat(at.path); {
		case errors.Is(err, fs.ErrNotExist):
			return at, nil
		case err != nil:
			return at, fmt.Errorf("look for the link of docroot %s: %w", t.docroot, err)
		case fi.Mode()&fs.ModeSymlink != 0:
			at.exists, at.live = true, t.behind(at.path)
			return at, nil
		}
	}
	return siteLink{}, fmt.Errorf("docroot %s has no symlink on its path, so there is nothing to flip: move the release elsewhere, and put a symlink to it in its place", t.docroot)
}

// behind is the release behind a link, also one whose docroot is missing.
func (t *target) behind(link string) string {
	if got, err := deploy.Inspect(link, t.site.Resolve, path.Dir(link)); err == nil {
		return got.Release
	}
	if points, err := deploy.LinkTarget(link); err == nil {
		return points
	}
	return ""
}

// checkRelease wants the release and the docroot below it to be directories.
func (l siteLink) checkRelease(dir string) error {
	if err := wantRelease(dir); err != nil {
		return err
	}
	if l.below == "" {
		return nil
	}
	if err := wantDirectory(dir + l.below); err != nil {
		return fmt.Errorf("release %s has no docroot: %s: %w", dir, dir+l.below, err)
	}
	return nil
}

func wantDirectory(dir string) error {
	fi, err := os.Stat(dir)
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	if err == nil && !fi.IsDir() {
		return errors.New("it is not a directory")
	}
	return err
}

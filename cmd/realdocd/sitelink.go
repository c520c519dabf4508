package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"realdocd/deploy"
)

// A siteLink is what a deploy flips.
type siteLink struct {
	path string
	// exists is false before the first deploy.
	exists bool
	// live is the release behind it; "" if that is not known.
	live string
	// name is that of the live release.
	name string
	// dangling says that there is nothing behind it.
	dangling bool
	// below is the docroot below the release, "" or as in "/public".
	below string
	// tail is where in a release the link leads to, for one as htdocs ->
	// releases/42/public: "/public", else "".
	tail string
}

// findLink finds the link that is flipped, one that points nowhere too. Where there is
// none yet, it is the first of the docroot's directories that is missing.
func (t *namedSite) findLink() (siteLink, error) {
	got, exists, err := deploy.FindLink(t.docroot, t.site.Links())
	if err != nil {
		return siteLink{}, err
	}
	if !exists && got.Release != "" {
		return siteLink{}, got.NothingToFlip()
	}
	at := siteLink{path: got.Link, exists: exists, below: got.Below}
	if exists {
		at.live, at.name = t.behind(got), got.Name
		at.tail = got.Tail()
		_, err := os.Stat(at.path)
		at.dangling = errors.Is(err, fs.ErrNotExist)
	}
	return at, nil
}

// into is what the link is to point to for a release. What was pointed to the
// release's root, where its docroot was, would serve all that is in it.
func (l siteLink) into(release string) string {
	if strings.HasSuffix(release, l.tail) {
		return release
	}
	return release + l.tail
}

// root is the directory of a release that the link may lead into.
func (l siteLink) root(release string) string { return strings.TrimSuffix(release, l.tail) }

// behind is the release behind the link, also one that is not there.
func (t *namedSite) behind(got deploy.Resolved) string {
	if got.Release != "" {
		return got.Release
	}
	points, err := deploy.LinkTarget(got.Link)
	if err != nil {
		return ""
	}
	return points
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

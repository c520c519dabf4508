package doctor

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"realdocd/deploy"
	"realdocd/incpath"
)

// A sharedPath is what a symlink of the release leads to outside of it.
type sharedPath struct {
	symlink string
	real    string
	dir     bool
}

// checkSymlink goes the way of a symlink. One that leads out of the release must not come
// back through the link, nor into another release; what it leads to is shared.
func (r *codeReading) checkSymlink(file string) {
	text, err := os.Readlink(file)
	if err != nil {
		return
	}
	if r.isLostFlip(file, text) {
		r.note(kindLinkInsideRelease, Subject{File: file}, fmt.Sprintf("The symlink is the next release's, and lies inside of the live one: a deploy has not put it in the place of %s, but below it, as ln -sf does without -n.", r.root.Link),
			"Remove it, and flip so that the link itself is replaced: realdocd flip; or ln -s TARGET next && mv -T next LINK.")
		return
	}
	way, err := deploy.Walk(file)
	target := text
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(file), target)
	}
	switch {
	case r.namesLink(target) || passes(way, r.root.Link):
		r.note(kindSymlinkThroughLink, Subject{File: file}, fmt.Sprintf("The symlink leads to %s, through the link: after a flip, requests on this release see files of the next.", text),
			"Have it name a place inside of the release, relatively.")
	case r.others.hold(filepath.Clean(target)) || r.others.hold(way.End):
		r.note(kindSymlinkToRelease, Subject{File: file}, fmt.Sprintf("The symlink leads to %s, in another release: requests see files of two, and of none when that one is removed.", text),
			"Copy what is there into the release, or keep it in a directory that releases share.")
	case err != nil && way.Missing != "":
		r.checkDangling(file, text, way.Missing)
	case err == nil && !incpath.Inside(way.End, r.root.Home) && !incpath.Inside(way.End, r.root.Release):
		fi, err := os.Stat(way.End)
		if err == nil {
			r.shared = append(r.shared, sharedPath{file, way.End, fi.IsDir()})
			r.askFPM(way.End)
		}
	}
}

// isLostFlip says whether a symlink was meant to be the link: it has the name that it
// leads to, and means another release if it lies where the link does.
func (r *codeReading) isLostFlip(file, text string) bool {
	dir := filepath.Dir(file)
	if filepath.Base(file) != filepath.Base(text) || dir != r.root.Release && dir != r.root.Home {
		return false
	}
	if !filepath.IsAbs(text) {
		text = filepath.Join(filepath.Dir(r.root.Link), text)
	}
	text = filepath.Clean(text)
	return filepath.Dir(text) == r.others.dir && r.others.hold(text)
}

// passes says whether a way that begins at a symlink passes the link behind it.
func passes(way deploy.Way, link string) bool {
	for _, l := range way.Links {
		if l.Path == link && l.As == "" {
			return true
		}
	}
	return false
}

// checkDangling is for a symlink to nothing. It is a fault if that should be of the site:
// what is not installed on the machine may not be wanted.
func (r *codeReading) checkDangling(file, text, missing string) {
	site := filepath.Dir(r.root.Link)
	own := incpath.Inside(missing, site) && !incpath.Inside(missing, r.root.Release) || r.root.site.SharedDir != "" && incpath.Inside(missing, r.root.site.SharedDir)
	if r.mapped || !own {
		r.note(kindSymlinkDangling, Subject{File: file}, fmt.Sprintf("The symlink leads to %s, where nothing is.", text), "")
		return
	}
	r.note(kindSharedMissing, Subject{File: file}, fmt.Sprintf("The symlink leads to %s, outside of the release, and %s is not there.", text, missing),
		"Make what releases share, or correct the symlink.")
}

// checkDeclared sees whether what the configuration calls shared is so in the release.
func (r *codeReading) checkDeclared() {
	for _, entry := range r.root.site.Shared {
		file := filepath.Join(r.root.Release, entry)
		if fi, err := os.Lstat(file); err == nil && fi.Mode()&fs.ModeSymlink == 0 {
			r.note(kindSharedNotLinked, Subject{File: file}, fmt.Sprintf("shared has %q, and the live release has a copy of its own: what is written there is not in the next release.", entry),
				fmt.Sprintf("Move it to %s, and put a symlink in its place; realdocd deploy does so for the next release.", filepath.Join(r.root.site.SharedDir, entry)))
		}
	}
}

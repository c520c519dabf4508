package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Content is what a release has in it, told by one short text: two directories with
// the same paths, permissions and bytes in them have the same one, on whichever hosts,
// by whichever way they came there.
//
// What counts is one line for each path, in the order of the paths' bytes:
//
//	d 0755 0 - "public"
//	f 0644 11 64 hex digits of SHA-256 "public/index.php"
//	l 0777 7 64 hex digits of the SHA-256 of its text "current.css"
//
// that is the kind, the permissions, the size, the sum, and the path below the release in
// the quotes of Go, in ASCII. Directories count, empty ones too: a script that writes to
// var/tmp fails where that is missing. The release's own permissions do not count, nor do times,
// owners, and how many names a file has. Left out are what a site excludes, what its
// releases share, and what a fill has not finished.
type Content struct {
	// Hash is "v1:" and the SHA-256 of the lines. Another way to count would have another
	// prefix, so that the hashes of two versions are never equal by chance.
	Hash string
	// Files are the paths that count, and Bytes those of their files.
	Files int
	Bytes int64
	// Frozen is when the release was frozen; zero if it is not.
	Frozen time.Time
	// Read is how many files were read for it. The others were as they had been.
	Read int
}

const contentVersion = "v1:"

const (
	// maxCounted is how many paths a release may have. They are in memory while it is looked at.
	maxCounted = 400_000
	// maxContent is how many bytes its files may have: a sparse file costs nothing to make,
	// and an hour to read.
	maxContent = 64 << 30
)

// An Uncounted error says which path keeps the content of a release from being told.
type Uncounted struct{ Path, Why, Do string }

func (u *Uncounted) Error() string { return u.Path + " " + u.Why + ": " + u.Do }

// Contents has what is in releases, and keeps what it has read in state_dir, so that another
// look reads only the files that have changed. Of two processes that keep what is in the same
// releases, one may undo what the other has frozen: only the agent keeps it.
type Contents struct {
	stateDir string
	only     bool // reads what is kept, and keeps nothing

	mu   sync.Mutex               // guards the following
	busy map[string]chan struct{} // the releases that are looked at; closed when that ends
}

// NewContents keeps what is in releases in a state_dir; "" keeps nothing.
func NewContents(stateDir string) *Contents {
	return &Contents{stateDir: stateDir, busy: map[string]chan struct{}{}}
}

// ReadContents knows what another process keeps in a state_dir, and leaves it as it is.
func ReadContents(stateDir string) *Contents {
	c := NewContents(stateDir)
	c.only = true
	return c
}

// Of looks what is in a release, a directory by its real path, without what f excludes and what it
// shares. The error is an *Uncounted if something in the release keeps it from being told. It costs
// one lstat for each file that was read before and has not changed since.
func (c *Contents) Of(ctx context.Context, dir string, f Filling) (Content, error) {
	look, err := c.look(ctx, dir, f, false)
	return look.content, wrapContent(dir, err)
}

// Freeze is Of, and has what counts of the release stay what it is now: paths that come
// from now on, such as caches that hooks and PHP write, do not count. What changes or
// goes does. A fill ends that.
func (c *Contents) Freeze(ctx context.Context, dir string, f Filling) (Content, error) {
	look, err := c.look(ctx, dir, f, true)
	return look.content, wrapContent(dir, err)
}

// Changed are the paths of a frozen release that are not what they were then, in order.
func (c *Contents) Changed(ctx context.Context, dir string, f Filling) ([]string, error) {
	look, err := c.look(ctx, dir, f, false)
	if err != nil {
		return nil, wrapContent(dir, err)
	}
	return look.changed(), nil
}

// List writes the lines that Hash is the sum of.
func (c *Contents) List(ctx context.Context, dir string, f Filling, to io.Writer) error {
	look, err := c.look(ctx, dir, f, false)
	if err == nil {
		err = look.list(to)
	}
	return wrapContent(dir, err)
}

func wrapContent(dir string, err error) error {
	if err == nil || errors.As(err, new(*Uncounted)) {
		return err
	}
	return fmt.Errorf("look at what is in %s: %w", dir, err)
}

// A counted is one path that counts.
type counted struct {
	kind byte // 'd', 'f' or 'l'
	mode uint32
	size int64
	sum  [sha256.Size]byte
	seen seen
	// frozen is what it was when the release was frozen, if it is something else now. A path
	// that is gone has no kind.
	frozen string
}

// seen tells a file that was read from one that has changed since. Whoever writes into a
// file can set mtime back, and not ctime. It is zero for what was read so soon after its last
// change that another one might not have been seen.
type seen struct {
	inode        uint64
	mtime, ctime int64 // in Unix nanoseconds
}

// what is the line of a path without the path.
func (e *counted) what() string {
	switch e.kind {
	case 0:
		return ""
	case 'd':
		return fmt.Sprintf("d %04o 0 -", e.mode)
	}
	return fmt.Sprintf("%c %04o %d %s", e.kind, e.mode, e.size, hex.EncodeToString(e.sum[:]))
}

// changed are the paths that are not what they were when the release was frozen.
func (l *look) changed() (paths []string) {
	for rel, e := range l.paths {
		switch {
		case e.kind == 0:
			paths = append(paths, rel+" (gone)")
		case e.frozen != "":
			paths = append(paths, rel)
		}
	}
	slices.Sort(paths)
	return paths
}

// list writes the lines of what counts.
func (l *look) list(to io.Writer) error {
	rels := make([]string, 0, len(l.paths))
	for rel, e := range l.paths {
		if e.kind != 0 {
			rels = append(rels, rel)
		}
	}
	slices.Sort(rels)
	for _, rel := range rels {
		if _, err := fmt.Fprintf(to, "%s %s\n", l.paths[rel].what(), strconv.QuoteToASCII(rel)); err != nil {
			return err
		}
	}
	return nil
}

// sum tells what all lines are.
func (l *look) sum() error {
	h := sha256.New()
	if err := l.list(h); err != nil {
		return err
	}
	l.content.Hash = contentVersion + hex.EncodeToString(h.Sum(nil))
	for _, e := range l.paths {
		if e.kind != 0 {
			l.content.Files++
		}
		if e.kind == 'f' {
			l.content.Bytes += e.size
		}
	}
	return nil
}

// CheckReleaseName says what is wrong with the name of a release that came from
// another host: it is one that a directory here may get, and a command's word.
func CheckReleaseName(name string) error {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._+@~:,=-", r)
	}
	switch {
	case name == "" || len(name) > 200:
		return fmt.Errorf("a release's name has 1 to 200 letters, and this one %d", len(name))
	case strings.ContainsRune("._+@~:,=-", rune(name[0])):
		return fmt.Errorf("%q is no name of a release: it begins with neither a letter nor a digit", name)
	case strings.IndexFunc(name, func(r rune) bool { return !safe(r) }) >= 0:
		return fmt.Errorf("%q is no name of a release: it may have letters, digits and . _ + @ ~ : , = -", name)
	}
	return nil
}

// realTree opens a release by its real path.
func realTree(dir string) (*tree, string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, "", err
	}
	path, err := canonical(real)
	if err != nil {
		return nil, "", err
	}
	t, err := openTree(real)
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", err
	}
	return t, path, err
}

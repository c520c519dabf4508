package deploy

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Way is what the kernel passes on the way to a path, as one walk found it.
type Way struct {
	// Path is the one that was asked for, cleaned.
	Path string
	// Links are the symlinks on the way, in the order in which the kernel meets
	// them, those in the texts of other links included.
	Links []Link
	// End is the real path that the way comes to; "" if it comes to nothing.
	End string
	// Missing is the first name on the way that is not there, by its real path,
	// and Below what would follow it, as in "/public"; "" if nothing is missing.
	Missing, Below string
}

// A Link is a symlink on a way.
type Link struct {
	// Path is the real path of the directory that has the link, and its name.
	Path string
	// Text is what the link says, and Leads the real path that it comes to in the
	// end; "" if it comes to nothing.
	Text, Leads string
	// As is how the link is written in the way's path; "" if it is met in the
	// text of another link only.
	As string
	// Below is what of the way is left behind the link, as in "/public".
	Below string

	from int  // the link in whose text it is met; -1: the path itself
	last bool // nothing of that text is left behind it
}

// target is what one step leads to, as an absolute path.
func (l Link) target() string { return target(l.Path, l.Text) }

// hasLinkBehind says whether a link leads through another one beside it or below that
// place, which may be pointed elsewhere too. PHP would not notice: opcache goes by what a
// path led to when it compiled a script (opcache.revalidate_path), for as long as it has
// it. A link above the place, as /var/www -> /data/www, stays.
func (w *Way) hasLinkBehind(l *Link) bool {
	at := slices.IndexFunc(w.Links, func(other Link) bool { return other.Path == l.Path })
	return slices.ContainsFunc(w.Links, func(other Link) bool {
		return other.Path != l.Path && other.from >= 0 && other.from >= at && below(other.Path, filepath.Dir(l.Path))
	})
}

// maxLinks is how many symlinks the kernel follows on one way.
const maxLinks = 40

// Walk goes a way as the kernel does, and writes down every symlink on it. With
// an error the Way has what was passed until then. Where the links change while
// it walks, it walks again.
func Walk(path string) (Way, error) {
	for try := 1; ; try++ {
		w := walker{way: Way{Path: filepath.Clean(path)}}
		err := w.walk()
		if err == nil || try == 5 || !w.changed() {
			return w.way, err
		}
	}
}

// A walker is on its way.
type walker struct {
	way  Way
	here string  // the real path so far; "" is the root
	todo []piece // what comes next, the last first
}

// A piece is a name on the way, or the end of a link's text.
type piece struct {
	name    string
	endOf   int // 1-based: the link whose text ends here; 0 for a name
	from    int // the link whose text has the name; -1: the path
	written int // up to where the path was written, with the name
}

func (w *walker) walk() error {
	if !filepath.IsAbs(w.way.Path) {
		return fmt.Errorf("%q is not an absolute path", w.way.Path)
	}
	w.push(w.way.Path, -1)
	for len(w.todo) > 0 {
		next := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		switch {
		case next.endOf > 0:
			w.way.Links[next.endOf-1].Leads = w.real()
		case next.name == "..":
			w.here = w.here[:max(strings.LastIndexByte(w.here, '/'), 0)]
		default:
			if err := w.pass(next); err != nil {
				return err
			}
		}
	}
	w.way.End = w.real()
	return nil
}

// pass goes on by one name.
func (w *walker) pass(next piece) error {
	at := w.here + "/" + next.name
	text, err := readText(at)
	switch {
	case errors.Is(err, unix.EINVAL): // it is not a link
		w.here = at
		return nil
	case errors.Is(err, unix.ENOENT):
		w.way.Missing, w.way.Below = at, w.rest()
		return fmt.Errorf("%s: %w", at, err)
	case errors.Is(err, unix.EACCES):
		return barred(w.real(), err)
	case err != nil:
		return fmt.Errorf("%s: %w", at, err)
	case len(w.way.Links) == maxLinks:
		return fmt.Errorf("%s: %w", at, unix.ELOOP)
	}
	l := Link{Path: at, Text: text, Below: w.rest(), from: next.from}
	if next.from < 0 {
		l.As = w.way.Path[:next.written]
	} else {
		l.last = w.todo[len(w.todo)-1].endOf == next.from+1
	}
	w.way.Links = append(w.way.Links, l)
	number := len(w.way.Links)
	w.todo = append(w.todo, piece{endOf: number})
	if strings.HasPrefix(text, "/") {
		w.here = ""
	}
	w.push(text, number-1)
	return nil
}

// push puts the names of a text before what is to do.
func (w *walker) push(text string, from int) {
	for end := len(text); end > 0; {
		start := strings.LastIndexByte(text[:end], '/') + 1
		if name := text[start:end]; name != "" && name != "." {
			w.todo = append(w.todo, piece{name: name, from: from, written: end})
		}
		end = start - 1
	}
}

// rest is what is to do, as a path.
func (w *walker) rest() string {
	var b strings.Builder
	for i := len(w.todo) - 1; i >= 0; i-- {
		if w.todo[i].endOf == 0 {
			b.WriteString("/" + w.todo[i].name)
		}
	}
	return b.String()
}

func (w *walker) real() string {
	if w.here == "" {
		return "/"
	}
	return w.here
}

// changed says whether a link that was passed says something else by now.
func (w *walker) changed() bool {
	for _, l := range w.way.Links {
		if text, err := readText(l.Path); err != nil || text != l.Text {
			return true
		}
	}
	return false
}

// readText reads what a link says; the error is EINVAL for what is not a link.
func readText(path string) (string, error) {
	var buf [unix.PathMax]byte
	for {
		n, err := unix.Readlink(path, buf[:])
		if err != unix.EINTR {
			return string(buf[:max(n, 0)]), err
		}
	}
}

package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"realdocd/gateway/fpmconf"
)

// ErrNothing is configuration without a virtual host or a server that has a
// document root.
var ErrNothing = errors.New("there is no virtual host with a DocumentRoot")

// TOML reads Apache's and PHP's configuration and gives that of realdocd. fsys is
// the file system from its root on, and the paths are absolute: directories such as
// /etc/apache2 and /etc/php/8.2/fpm, or files. The error names the file and the line,
// and is ErrNothing when all was read and there is no site.
func TOML(fsys fs.FS, paths ...string) (string, error) {
	php, apache := newPHP(), newApache()
	m := newModel(apache, php)
	for _, p := range paths {
		tree, there := treeOf(fsys, p)
		if tree.isCopy() {
			m.infos = append(m.infos, note{place{}, there + " is read as that of another machine, which is copied into " + tree.below + ": paths are those of that machine, and nothing else of this one is read"})
		}
		apache.files, *php.files = files{tree}, files{tree}
		if err := read(there, files{tree}, apache, php); err != nil {
			if tree.isCopy() {
				err = fmt.Errorf("%w (of the machine that is copied into %s)", err, tree.below)
			}
			return "", err
		}
	}
	if apache.tree == nil {
		apache.tree = &tree{FS: fsys}
	}
	m.files = files{apache.tree}
	m.build()
	if len(m.sites) == 0 {
		why := ""
		for _, n := range m.notes {
			why += "\n" + n.String()
		}
		return "", fmt.Errorf("%w in %s%s", ErrNothing, strings.Join(paths, ", "), why)
	}
	return m.toml(paths), nil
}

// A place is a line of a file.
type place = fpmconf.Place

// errorAt is an error at a place.
func errorAt(at place, format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{at}, args...)...)
}

// A note is what somebody has to decide or to do.
type note struct {
	at   place
	text string
}

func (n note) String() string {
	if n.at == (place{}) {
		return n.text
	}
	return fmt.Sprintf("%s: %s", n.at, n.text)
}

// A setting is a value, and where it was set; the zero one was not.
type setting struct {
	value string
	at    place
}

func (s setting) isSet() bool { return s.at != place{} }

// settingOf is a line of PHP's or of PHP-FPM's configuration.
func settingOf(s fpmconf.Setting) setting { return setting{s.Value, s.At} }

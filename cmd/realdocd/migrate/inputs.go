package migrate

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// apacheMains are where distributions have Apache's own file, below its directory.
var apacheMains = []string{"apache2.conf", "httpd.conf", "conf/httpd.conf"}

// otherSAPIs are directories of PHP's configuration for what is neither Apache nor FPM,
// and directories of what is not in force.
var otherSAPIs = []string{"cli", "cgi", "phpdbg", "embed", "mods-available", "sites-available", "conf-available"}

// read reads one of the paths: which kind of configuration it is, its name and its
// content tell.
func read(p string, files files, apache *apache, php *php) error {
	if files.isDir(p) {
		for _, main := range apacheMains {
			if file := path.Join(p, main); files.isFile(file) {
				apache.tree = files.FS
				return apache.readMain(file, p)
			}
		}
		return readDir(p, files, apache, php, 0)
	}
	text, err := files.Read(p)
	if err != nil {
		return err
	}
	switch base := path.Base(p); {
	case base == "php.ini":
		return php.readINIs(p)
	case path.Ext(base) == ".ini":
		return php.readINI(p)
	case isINI(text):
		return php.fpm.Read(p)
	case slices.ContainsFunc(apacheMains, func(main string) bool { return path.Base(main) == base }):
		root := path.Dir(p)
		if path.Base(root) == "conf" {
			root = path.Dir(root)
		}
		apache.tree = files.FS
		return apache.readMain(p, root)
	}
	apache.tree = cmp.Or(apache.tree, files.FS)
	return apache.readPart(p)
}

// readDir reads a directory without a file of Apache's own: of PHP, or of virtual hosts.
func readDir(dir string, files files, apache *apache, php *php, depth int) error {
	const deepest = 5 // /etc/php has 8.2/fpm/pool.d; a symlink may lead round and round
	entries, err := files.list(dir)
	if err != nil || depth > deepest {
		return err
	}
	for _, p := range entries {
		base := path.Base(p)
		switch {
		case strings.HasPrefix(base, ".") || slices.Contains(otherSAPIs, base):
		case files.isDir(p):
			err = readDir(p, files, apache, php, depth+1)
		case path.Ext(base) == ".ini" || path.Ext(base) == ".conf":
			err = read(p, files, apache, php)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isINI tells a file of PHP-FPM from one of Apache: it begins with a section.
func isINI(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != ';' && line[0] != '#' {
			return line[0] == '['
		}
	}
	return false
}

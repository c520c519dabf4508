package deploy

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Excludes are what a fill leaves alone: it copies nothing that matches from the
// source, and touches nothing that matches in a release. A pattern without a
// slash matches a name at any depth, as ".git"; one with a slash is a path below
// the release, as "var/cache". "*", "?" and "[…]" are as in a shell, and match no
// slash.
type Excludes []string

// CheckExclude says what is wrong with a pattern.
func CheckExclude(pattern string) error {
	clean := strings.Trim(pattern, "/")
	_, err := path.Match(clean, "")
	switch {
	case clean == "" || clean == "." || clean != path.Clean(clean) || strings.HasPrefix(clean, "../") || clean == "..":
		return fmt.Errorf("%q is no name, and no path below a release", pattern)
	case err != nil:
		return fmt.Errorf("%q has a [ without its ]", pattern)
	case strings.Contains(clean, "**"):
		return fmt.Errorf(`%q: "**" is not known here: a name without a slash matches at any depth`, pattern)
	case strings.ContainsAny(clean, `\`):
		return fmt.Errorf("%q: a backslash is not known here", pattern)
	}
	return nil
}

// match says whether a path below a release is excluded, or lies in what is.
func (e Excludes) match(rel string) bool {
	for _, pattern := range e {
		clean := strings.Trim(pattern, "/")
		parts := strings.Split(rel, "/")
		if !strings.Contains(strings.TrimSuffix(pattern, "/"), "/") {
			for _, part := range parts {
				if ok, _ := path.Match(clean, part); ok {
					return true
				}
			}
			continue
		}
		n := strings.Count(clean, "/") + 1
		if len(parts) < n {
			continue
		}
		if ok, _ := path.Match(clean, strings.Join(parts[:n], "/")); ok {
			return true
		}
	}
	return false
}

// rsync are the options that say the same to rsync.
func (e Excludes) rsync() (options []string) {
	for _, pattern := range e {
		clean := strings.Trim(pattern, "/")
		if strings.Contains(strings.TrimSuffix(pattern, "/"), "/") {
			clean = "/" + clean
		}
		// As a filter rule: no text of a pattern is taken for a prefix.
		options = append(options, "--filter=- "+clean)
	}
	return options
}

// only is an option list that keeps what is shared out of a fill.
func sharedRules(shared []string) (options []string) {
	for _, path := range shared {
		options = append(options, "--filter=- /"+escapeRsync(strings.Trim(path, "/")))
	}
	return options
}

// escapeRsync has rsync take a path as it is written.
func escapeRsync(path string) string {
	if !strings.ContainsAny(path, "*?[") {
		return path
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// CheckShared says what is wrong with the paths that releases share.
func CheckShared(shared []string) error {
	var errs []error
	for i, entry := range shared {
		clean := strings.TrimSuffix(entry, "/")
		switch {
		case clean == "" || clean == "." || path.IsAbs(clean) || clean != path.Clean(clean) || strings.HasPrefix(clean, "../") || clean == "..":
			errs = append(errs, fmt.Errorf(`%q is no path below a release, as "storage" or "public/uploads"`, entry))
		}
		for _, other := range shared[:i] {
			other = strings.TrimSuffix(other, "/")
			if below(clean, other) || below(other, clean) {
				errs = append(errs, fmt.Errorf("%q and %q are one, or in each other: name the outer one alone", other, clean))
			}
		}
	}
	return errors.Join(errs...)
}

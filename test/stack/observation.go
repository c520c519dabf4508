package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Observation is what one request saw of its release: the answer of a site's page.
type Observation struct {
	DocumentRoot   string         `json:"document_root"`
	ScriptFilename string         `json:"script_filename"`
	File           string         `json:"file"`
	IncludePath    string         `json:"include_path"`
	Release        string         `json:"release"`
	RequestURI     string         `json:"request_uri"`
	Parts          map[string]int `json:"parts"` // release -> how many of the included files were its
}

// Verdict says whether one request ran on one release.
type Verdict struct {
	Release string // the one, "" when torn or unknown
	Torn    string // why it was torn, "" when it was not
	Unnamed string // what named no release: the request may yet change its mind about these
}

// Verdict looks at everything that names a release. What points at the link names none, and is not
// torn by itself: only what was read through it can be.
func (o *Observation) Verdict() Verdict {
	seen := map[string][]string{} // release -> what named it
	var v Verdict
	for _, named := range []struct{ what, release string }{
		{"DOCUMENT_ROOT", releaseOf(o.DocumentRoot)},
		{"SCRIPT_FILENAME", releaseOf(o.ScriptFilename)},
		{"__FILE__", releaseOf(o.File)},
		{"include_path", releaseOf(o.IncludePath)},
		{"REALDOC_RELEASE", o.Release},
	} {
		if named.release == "" {
			v.Unnamed = strings.TrimPrefix(v.Unnamed+" "+named.what, " ")
			continue
		}
		seen[named.release] = append(seen[named.release], named.what)
	}
	for _, release := range slices.Sorted(maps.Keys(o.Parts)) {
		name := release
		if name == "" {
			name = "none (not found)"
		}
		seen[name] = append(seen[name], fmt.Sprintf("%d included files", o.Parts[release]))
	}
	if len(seen) == 1 {
		v.Release = slices.Collect(maps.Keys(seen))[0]
		return v
	}
	var why []string
	for _, release := range slices.Sorted(maps.Keys(seen)) {
		why = append(why, release+": "+strings.Join(seen[release], ", "))
	}
	v.Torn = strings.Join(why, "; ")
	if v.Torn == "" {
		v.Torn = "the page saw nothing"
	}
	return v
}

// releaseOf is the name after "/releases/" in a path or a list of paths; "1+2" when there are two.
func releaseOf(path string) string {
	var names []string
	for _, rest := range strings.Split(path, "/releases/")[1:] {
		name := rest
		if end := strings.IndexAny(rest, "/:"); end >= 0 {
			name = rest[:end]
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

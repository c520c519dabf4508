package incpath

import "strings"

// A Spelling is a path, [0], by which a site's files are named, and what stands for
// it, [1], in one release.
type Spelling = [2]string

// A Mapping is how the paths of a site become those of one release. All its paths are
// absolute and, but for Pattern, clean.
type Mapping struct {
	// Spellings are what a deploy flips, and each alias of it.
	Spellings []Spelling
	// Release is the directory that a request runs on.
	Release string
	// Others are further releases of the site: a path in one of them, which somebody
	// has resolved at another moment, is the same path in Release.
	Others []string
	// Roof is a directory that has nothing but releases; "" if none is known.
	Roof string
	// ResolvedDocroot is the docroot below Release.
	ResolvedDocroot string
	// Pattern has further paths to replace in an include_path, joined by ":"; "" has
	// none. It is incpath.search_replace_pattern of the PHP extension incpath: a
	// path that is not below Link, another spelling of the docroot, is
	// replaced by ResolvedDocroot. One that is below Link adds nothing, since
	// all below Link is mapped.
	Pattern string
}

// Path gives the place of a path in the release. The bool says whether it has one;
// else the result is path itself. The only allocation is that of a changed path.
func (m *Mapping) Path(path string) (string, bool) {
	for i := range m.Spellings {
		if mapped, ok := Map(path, m.Spellings[i][0], m.Spellings[i][1]); ok {
			return mapped, true
		}
	}
	if _, ok := match(path, m.Release); ok {
		return path, true
	}
	for _, other := range m.Others {
		if mapped, ok := Map(path, other, m.Release); ok {
			return mapped, true
		}
	}
	if m.Roof == "" {
		return path, false
	}
	at, ok := match(path, m.Roof)
	if !ok {
		return path, false
	}
	rest := strings.TrimLeft(path[at:], "/")
	name, _, _ := strings.Cut(rest, "/")
	if name == "" || name[0] == '.' {
		return path, false
	}
	return join(m.Release, rest[len(name):]), true
}

// Text maps each path in a text that somebody has asked to map, as in an nginx
// X-Accel-Mapping, /var/www/shop/current/files=/protected. A path ends where a blank or
// one of = , ; : | and quotes begin.
func (m *Mapping) Text(text string) string {
	const ends = " \t=,;:|\"'"
	var b strings.Builder
	done := 0
	for at := 0; at < len(text); {
		end := at + 1
		if text[at] == '/' {
			if n := strings.IndexAny(text[at:], ends); n >= 0 {
				end = at + n
			} else {
				end = len(text)
			}
			if mapped, ok := m.Path(text[at:end]); ok && mapped != text[at:end] {
				b.WriteString(text[done:at])
				b.WriteString(mapped)
				done = end
			}
		} else if strings.IndexByte(ends, text[at]) < 0 { // a word that is not a path
			if n := strings.IndexAny(text[at:], ends); n >= 0 {
				end = at + n
			} else {
				end = len(text)
			}
		}
		at = end
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

package gateway

import (
	"errors"
	"fmt"
	"strings"

	"realdocd/incpath"
)

// rewriteValues maps the paths in PHP_VALUE and PHP_ADMIN_VALUE, and sends the site's
// include_path if the web server sends none. On a pool where anything sets
// include_path every request carries one, since FPM leaves it set in the worker for
// the next. m is nil for a request that runs on no release.
func (rq *request) rewriteValues(m *incpath.Mapping) error {
	carried := false
	for i, at := range [...]param{rq.cgi.phpValue, rq.cgi.phpAdminValue} {
		sent := rq.value(at)
		if len(sent) == 0 {
			continue
		}
		out, found, err := rq.mapValue(i, borrow(sent), m)
		if err != nil {
			return asRefusal(err, rq.pairs[at-1].Name)
		}
		carried = carried || found
		if out != nil {
			rq.pairs[at-1].Value = out
		}
	}
	if carried {
		rq.pool.SetsIncludePath.Store(true)
		return nil
	}
	if !rq.pool.SetsIncludePath.Load() {
		return nil
	}
	out, err := rq.addIncludePath(borrow(rq.value(rq.cgi.phpValue)), m)
	if err != nil {
		return refuse(causeIncludePath, "add include_path to PHP_VALUE: %w", err)
	}
	rq.set(rq.cgi.phpValue, "PHP_VALUE", out)
	return nil
}

// asRefusal is why the paths of a variable cannot be mapped.
func asRefusal(err error, name []byte) error {
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return err
	}
	what := "include_path"
	if of := (*incpath.DirectiveError)(nil); errors.As(err, &of) {
		what = of.Directive
	}
	return refuse(causeIncludePath, "map %s in %s: %w", what, name, err)
}

// mapValue maps the paths of a PHP_VALUE, or, for i 1, of a PHP_ADMIN_VALUE. out is
// nil if it may go on as it is.
func (rq *request) mapValue(i int, value string, m *incpath.Mapping) (out []byte, found bool, err error) {
	name := [...]string{"PHP_VALUE", "PHP_ADMIN_VALUE"}[i]
	if m == nil {
		_, found, err := incpath.Rewrite(value, func(s string) string { return s })
		if err == nil {
			err = rq.confine(name, value, nil)
		}
		return nil, found, err
	}
	if v := rq.site.mapped[i].get(rq.visit.Release, value); v != nil {
		return v.out, v.found, nil
	}
	text, found, err := incpath.RewritePaths(value, m)
	if err == nil {
		err = rq.confine(name, text, m)
	}
	if err != nil {
		return nil, false, err
	}
	if text != value {
		if err := rq.mayStandInList(); err != nil {
			return nil, false, err
		}
	}
	return rq.site.mapped[i].put(rq.visit.Release, value, text, found), found, nil
}

// mayStandInList refuses a release that would fall into two entries of an
// include_path.
func (rq *request) mayStandInList() error {
	if strings.Contains(rq.visit.Path, ":") {
		return fmt.Errorf("release %q has a \":\", which separates the entries of include_path: name it without", rq.visit.Path)
	}
	return nil
}

// addIncludePath adds the site's include_path, or the pool's if the site
// has none.
func (rq *request) addIncludePath(value string, m *incpath.Mapping) ([]byte, error) {
	if m == nil {
		text, err := incpath.AppendDirective(value, rq.pool.IncludePath())
		return []byte(text), err
	}
	if v := rq.site.added.get(rq.visit.Release, value); v != nil {
		return v.out, nil
	}
	includePath := rq.pool.IncludePath()
	if rq.site.IncludePath != "" {
		includePath = rq.site.IncludePath
	}
	mapped := m.List(includePath)
	if mapped != includePath {
		if err := rq.mayStandInList(); err != nil {
			return nil, err
		}
	}
	text, err := incpath.AppendDirective(value, mapped)
	if err != nil {
		return nil, err
	}
	return rq.site.added.put(rq.visit.Release, value, text, true), nil
}

package gateway

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"realdocd/incpath"
)

// confine refuses what PHP_VALUE and PHP_ADMIN_VALUE must not do. A directive that names
// PHP code is confined as SCRIPT_FILENAME is: to the release and the extra roots. One that
// loads native code never goes on: FPM would run it as its own user.
func (rq *request) confine(name, value string, m *incpath.Mapping) error {
	if rq.site != nil && rq.site.RefusePHPValue {
		return refuse(causeForbidden, `%s is refused: site %s has php_value = "refuse"; write what it sets into PHP-FPM's pool`, name, rq.site.Name)
	}
	for _, s := range incpath.Settings(value) {
		switch incpath.PowerOf(s.Key) {
		case incpath.LoadsNative:
			return refuse(causeForbidden, "%s sets %s, which loads native code into PHP: only PHP-FPM's own configuration may", name, s.Key)
		case incpath.LoadsPHP:
			if why := rq.mayLoad(s, m); why != "" {
				return refuse(causeForbidden, "%s sets %s = %q, which %s", name, s.Key, s.Value, why)
			}
		}
	}
	return nil
}

// mayLoad says why PHP code that a directive names may not be loaded; "" if it may.
func (rq *request) mayLoad(s incpath.Setting, m *incpath.Mapping) string {
	if s.Unknown {
		return "cannot be known outside PHP: write a path, in quotes"
	}
	paths, ok := incpath.CodePaths(s.Key, s.Value)
	switch {
	case !ok:
		return "is no absolute path of a file: write one"
	case len(paths) > 0 && m == nil:
		return "belongs to no site here, so that nothing confines it"
	}
	for _, file := range paths {
		if !rq.mayRun(m, file) && !incpath.Inside(file, path.Clean(m.Release)) {
			return "is neither inside the release nor in extra_roots of the site"
		}
	}
	return ""
}

// carryValues has a request set every directive that anything on its pool has set, for
// FPM leaves each in the worker for the next request. Where the request has none, it is
// FPM's own. include_path has a way of its own (rewriteValues).
func (rq *request) carryValues() error {
	if rq.cgi.phpValue == 0 && rq.cgi.phpAdminValue == 0 && rq.pool.Carried() == nil {
		return nil
	}
	at := rq.valueAt()
	value, admin := borrow(rq.value(at)), borrow(rq.value(rq.cgi.phpAdminValue))
	if rq.site != nil {
		if known := rq.site.carried.Load(); known != nil && known.own == rq.pool.Carried() && known.value == value && known.admin == admin {
			if known.out != nil {
				rq.set(at, "PHP_VALUE", known.out)
			}
			return nil
		}
	}
	keys := setKeys(value, admin)
	if len(keys) > 0 {
		if err := rq.pool.Carry(context.Background(), keys); err != nil && rq.sharesPool() {
			return refuse(causeIncludePath, "PHP_VALUE sets what would stay for the other sites of the pool: %w: %.200q", err, keys)
		}
	}
	own := rq.pool.Carried()
	out, err := addOwn(value, keys, own)
	if err != nil {
		return refuse(causeIncludePath, "add to PHP_VALUE what other requests set: %w", err)
	}
	if rq.site != nil {
		rq.site.carried.Store(&carriedValue{own, strings.Clone(value), strings.Clone(admin), out})
	}
	if out != nil {
		rq.set(at, "PHP_VALUE", out)
	}
	return nil
}

// A carriedValue is a PHP_VALUE to which FPM's own values were added, with what it was
// made of. A web server sends the same one with every request.
type carriedValue struct {
	own          *map[string]string
	value, admin string
	out          []byte // nil: nothing was added
}

// addOwn adds FPM's own values of the directives that are not among the keys. out is nil
// if there is none.
func addOwn(value string, keys []string, own *map[string]string) (out []byte, err error) {
	if own == nil {
		return nil, nil
	}
	var add []incpath.Setting
	for _, key := range slices.Sorted(maps.Keys(*own)) {
		if !slices.Contains(keys, key) {
			add = append(add, incpath.Setting{Key: key, Value: (*own)[key]})
		}
	}
	if len(add) == 0 {
		return nil, nil
	}
	text, err := incpath.AppendSettings(value, add)
	return []byte(text), err
}

// setKeys are the directives that a request sets by itself.
func setKeys(value, admin string) (keys []string) {
	for _, text := range [...]string{value, admin} {
		for _, s := range incpath.Settings(text) {
			if s.Sets && s.Key != "include_path" && !slices.Contains(keys, s.Key) {
				keys = append(keys, strings.Clone(s.Key)) // it is a view of a buffer that is used again
			}
		}
	}
	return keys
}

// valueAt is where PHP_VALUE is, also one that has been added.
func (rq *request) valueAt() param {
	if rq.cgi.phpValue != 0 {
		return rq.cgi.phpValue
	}
	for i := len(rq.pairs) - 1; i >= 0; i-- {
		if string(rq.pairs[i].Name) == "PHP_VALUE" {
			return param(i + 1)
		}
	}
	return 0
}

// sharesPool says whether other sites use the request's pool.
func (rq *request) sharesPool() bool {
	n := 0
	for _, st := range rq.setup.sites.all {
		if st.uses(rq.pool) {
			n++
		}
		if st.IsGlob() && st.pool == rq.pool {
			n++ // its docroots are as many sites
		}
	}
	return n > 1
}

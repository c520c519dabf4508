package migrate

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"realdocd/gateway/fpmconf"
)

// A pool is a table [pool.NAME].
type pool struct {
	name        string
	servers     []string
	from        []place
	fpm         *fpmconf.Pool // whose configuration was read
	includePath setting
	notes       []note
	isDefault   bool // nothing said that PHP-FPM is there
}

// choosePool finds the pool for a site. Sites with the same PHP-FPM share one. What a
// virtual host says of it wins over what the main server does.
func (m *model) choosePool(st *site, s *server, rules []rule) {
	var servers []string
	var from place
	own := func(r rule) bool { return slices.ContainsFunc(s.rules, func(o rule) bool { return o.at == r.at }) }
	for _, r := range rules {
		if servers != nil && own(rule{at: from}) && !own(r) {
			continue
		}
		got := m.apache.servers(r.value)
		if r.key != "" || got == nil {
			continue
		}
		if slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "/run/realdocd/") || !isAddress(s) }) {
			st.note(r.at, "%s is realdocd's own, or not an address that it can use: name PHP-FPM's in the pool", strings.Join(got, ", "))
			continue
		}
		servers, from = got, r.at
	}
	if servers == nil {
		st.pool = m.defaultPool()
		return
	}
	st.pool = m.poolOf(servers)
	if !slices.Contains(st.pool.from, from) {
		st.pool.from = append(st.pool.from, from)
	}
}

func (m *model) poolOf(servers []string) *pool {
	servers = slices.Compact(servers)
	for _, p := range m.pools {
		if !p.isDefault && slices.Equal(p.servers, servers) {
			return p
		}
	}
	p := &pool{servers: servers}
	for _, fpm := range m.php.fpm.Pools {
		if len(servers) == 1 && addressOf(fpm) == servers[0] {
			p.fpm = fpm
		}
	}
	m.pools = append(m.pools, p)
	return p
}

// exampleSocket is where Debian's PHP-FPM listens.
const exampleSocket = "/run/php/php8.2-fpm.sock"

// defaultPool is for sites of which Apache does not say which PHP-FPM runs them.
func (m *model) defaultPool() *pool {
	for _, p := range m.pools {
		if p.isDefault {
			return p
		}
	}
	if pools := m.php.fpm.Pools; len(pools) == 1 && isAddress(addressOf(pools[0])) {
		p := m.poolOf([]string{addressOf(pools[0])})
		p.isDefault = true
		if m.apache.modPHP != (place{}) {
			p.notes = append(p.notes, note{m.apache.modPHP, "PHP runs inside Apache. In PHP-FPM its user has to be one that may read and write what Apache's may"})
		}
		return p
	}
	p := &pool{servers: []string{exampleSocket}, isDefault: true}
	if found := m.files.Glob("/run/php/php*-fpm.sock"); len(found) > 0 && isAddress(found[len(found)-1]) {
		p.servers[0] = found[len(found)-1]
	}
	text := "which PHP-FPM runs the sites is not said: put its listener here"
	if m.apache.modPHP != (place{}) {
		text = "PHP runs inside Apache, and realdocd needs PHP-FPM: set up a pool of it, with a user that may read and write what Apache's may, and put its listener here"
	}
	p.notes = append(p.notes, note{m.apache.modPHP, text})
	m.pools = append(m.pools, p)
	return p
}

// defaultIncludePath takes php.ini's include_path, which names no release.
func (p *pool) defaultIncludePath(s setting) {
	if !p.includePath.isSet() {
		p.includePath = s
	}
}

// dropSitesPaths takes an include_path out of a pool that has a path below the link of
// any site: that site has it itself, and PHP has it for the others.
func (m *model) dropSitesPaths() {
	for _, p := range m.pools {
		for _, st := range m.sites {
			if p.includePath.isSet() && st.mentions(p.includePath.value) {
				p.notes = append(p.notes, note{p.includePath.at, "include_path has a path below the link of " + st.name + ", which follows the release only in the include_path of that site; sites without one keep what PHP has"})
				p.includePath = setting{}
			}
		}
	}
}

// longestSocket is what the address of a unix socket has room for.
const longestSocket = 107

// isAddress says whether realdocd takes an address of a server.
func isAddress(s string) bool {
	if !isPlain(s) || s == "" {
		return false
	}
	if path.IsAbs(s) {
		return len(s) <= longestSocket
	}
	return hostAndPort.MatchString(s)
}

var hostAndPort = regexp.MustCompile(`^([^:\[\]/]+|\[[0-9A-Fa-f:.%]+\]):([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`)

// namePools names the pools: as FPM does, or from the listener.
func (m *model) namePools() {
	for _, p := range m.pools {
		name := ""
		switch {
		case p.fpm != nil:
			name = plainName(strings.ToLower(p.fpm.Name))
		case len(m.pools) == 1 || p.isDefault:
			name = "www"
		default:
			name = strings.TrimSuffix(path.Base(p.servers[0]), ".sock")
			name = strings.TrimSuffix(plainName(strings.ToLower(name)), "-fpm")
		}
		if name == "" {
			name = "www"
		}
		p.name = m.unique("pool.", name)
	}
}

// keys are those of the table.
func (p *pool) keys() []key {
	quoted := make([]string, len(p.servers))
	for i, s := range p.servers {
		quoted[i] = quote(s)
	}
	where := make([]string, len(p.from))
	for i, at := range p.from {
		where[i] = at.String()
	}
	if p.fpm != nil {
		where = append(where, p.fpm.Get("listen").At.String())
	}
	keys := []key{{"server", "[" + strings.Join(quoted, ", ") + "]", strings.Join(where, ", ")}}
	if p.fpm != nil {
		keys = append(keys, keysOf(p.fpm)...)
	}
	if p.includePath.isSet() && isPlain(p.includePath.value) {
		keys = append(keys, key{"include_path", quote(p.includePath.value), p.includePath.at.String()})
	}
	return keys
}

// keysOf are the keys of realdocd that a pool of PHP-FPM gives values to.
func keysOf(p *fpmconf.Pool) []key {
	var keys []key
	status := settingOf(p.Get("pm.status_listen"))
	if !status.isSet() || !isAddress(listenAddress(status.value)) {
		return keys
	}
	keys = append(keys, key{"status", quote(listenAddress(status.value)), status.at.String() + ", pm.status_listen"})
	if at := settingOf(p.Get("pm.status_path")); strings.HasPrefix(at.value, "/") && isPlain(at.value) && !strings.Contains(at.value, "?") {
		keys = append(keys, key{"status_path", quote(at.value), at.at.String() + ", pm.status_path"})
	}
	return keys
}

package conf

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"realdocd/cmd/realdocd/logging"
	"realdocd/deploy"
	"realdocd/gateway"
)

// Config is a configuration that was read and has no faults.
type Config struct {
	Gateway gateway.Config
	Log     logging.Settings
}

// SiteNames names the sites in the order of the file.
func (c *Config) SiteNames() (names []string) {
	for _, s := range c.Gateway.Sites {
		names = append(names, s.Name)
	}
	return names
}

// The defaults of every key are in these three functions and nowhere else.
func defaults() Config {
	return Config{
		Gateway: gateway.Config{
			Listen:          []string{"/run/realdocd/realdocd.sock"},
			ListenMode:      0o660,
			Control:         "/run/realdocd/control.sock",
			StateDir:        "/var/lib/realdocd",
			ShutdownTimeout: 30 * time.Second,
			AccessLog:       true,
		},
		Log: logging.Settings{Level: "info", Format: "json", Output: logging.ToStderr},
	}
}

func defaultPool(name string) gateway.PoolConfig {
	return gateway.PoolConfig{
		Name:           name,
		ConnectTimeout: time.Second,
		ReadTimeout:    60 * time.Second,
		IncludePath:    ".:/usr/share/php",
		Queue:          1024,
		QueueTimeout:   10 * time.Second,
		StatusPath:     "/fpm-status",
	}
}

func defaultSite(name string) gateway.SiteConfig {
	return gateway.SiteConfig{
		Name: name, Resolve: deploy.Realpath, RequestBuffering: true,
		WarmTimeout: 30 * time.Second, Keep: 5,
	}
}

// Load reads a configuration file. If the file has faults, the error is [*Faults].
func Load(file string) (Config, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("there is no configuration file %s: name one with --config", file)
	}
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(file, string(text))
}

// Parse reads the text of a file. Its error is [*Faults], which name the file.
func Parse(file, text string) (Config, error) {
	d := newDocument(file, indexLines(text))
	raw := map[string]any{}
	if _, err := toml.Decode(text, &raw); err != nil {
		d.syntax(err)
		return Config{}, d.faults.err()
	}
	d.read(raw)
	return d.config, d.faults.err()
}

// A document is a configuration while it is read.
type document struct {
	config Config
	faults Faults
	lines  lines
	// label names a key to the operator.
	label func(path []string) string
	// excused are keys with a fault, or that a fault has proposed: what
	// follows from them is not worth another line.
	excused map[string]bool
}

// FromFlags reads keys that came from the command line, by the rules of the file and
// with its defaults. raw has them as the toml package decodes a file; flag gives the
// flag of a key, by which a fault names it. The error is [*Faults].
func FromFlags(raw map[string]any, flag func(key string) string) (Config, error) {
	d := newDocument("", nil)
	d.label = func(path []string) string { return flag(path[len(path)-1]) }
	d.read(raw)
	return d.config, d.faults.err()
}

// SetLogLevel and SetLogFormat take a word that wins over the file's. The error says
// which words there are.
func (c *Config) SetLogLevel(word string) error  { return into(&c.Log.Level, logLevel)(word) }
func (c *Config) SetLogFormat(word string) error { return into(&c.Log.Format, logFormat)(word) }

func newDocument(file string, index lines) *document {
	return &document{
		config:  defaults(),
		faults:  Faults{File: file},
		lines:   index,
		label:   tomlLabel,
		excused: map[string]bool{},
	}
}

// tomlLabel is a key as in `docroot in [site.shop]`.
func tomlLabel(path []string) string {
	key := path[len(path)-1]
	if len(path) == 1 {
		return key
	}
	return fmt.Sprintf("%s in [%s]", key, toml.Key(path[:len(path)-1]))
}

// fault notes what is wrong with a key that has a value.
func (d *document) fault(path []string, format string, args ...any) {
	d.excuse(path)
	d.faults.add(d.lines.of(path...), d.label(path)+": "+format, args...)
}

func (d *document) excuse(path []string)         { d.excused[toml.Key(path).String()] = true }
func (d *document) isExcused(path []string) bool { return d.excused[toml.Key(path).String()] }

// syntax takes what the toml package refuses.
func (d *document) syntax(err error) {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		d.faults.add(0, "%v", err)
		return
	}
	var key string
	if rest, ok := strings.CutSuffix(parse.Message, "' has already been defined."); ok {
		key = strings.TrimPrefix(rest, "Key '")
	}
	if first, ok := d.lines[key]; ok && first != parse.Position.Line {
		d.faults.add(parse.Position.Line, "duplicate key %s: it is set in line %d already", key, first)
		return
	}
	hint := ""
	if strings.HasPrefix(parse.Message, "expected value") {
		hint = ": are the quotes around a string missing?"
	}
	d.faults.add(parse.Position.Line, "%s%s", strings.TrimSuffix(parse.Message, "."), hint)
}

func (d *document) read(raw map[string]any) {
	d.table(nil, raw, d.topKeys())
	d.checkClients()
	d.checkAddresses()
	d.checkPools()
	d.checkSites()
}

type keys map[string]setter

func (d *document) topKeys() keys {
	g := &d.config.Gateway
	return keys{
		"listen":           into(&g.Listen, listOf(address)),
		"listen_mode":      into(&g.ListenMode, mode),
		"allowed_clients":  into(&g.AllowedClients, listOf(network)),
		"control":          into(&g.Control, orNone(socketPath)),
		"metrics":          into(&g.Metrics, orNone(hostPort)),
		"unmatched":        into(&g.ForwardUnmatched, forward),
		"shutdown_timeout": into(&g.ShutdownTimeout, duration),
		"spool_dir":        into(&g.SpoolDir, orNone(absolute)),
		"state_dir":        into(&g.StateDir, orNone(absolute)),
		"log":              func(v any) error { return d.subtable([]string{"log"}, v, d.logKeys()) },
		"pool":             func(v any) error { return d.named("pool", v, d.readPool) },
		"site":             func(v any) error { return d.named("site", v, d.readSite) },
	}
}

func (d *document) logKeys() keys {
	return keys{
		"level":  into(&d.config.Log.Level, logLevel),
		"format": into(&d.config.Log.Format, logFormat),
		"output": into(&d.config.Log.Output, logOutputName),
		"access": into(&d.config.Gateway.AccessLog, boolean),
		"slow":   into(&d.config.Gateway.SlowLog, duration),
	}
}

func poolKeys(p *gateway.PoolConfig) keys {
	return keys{
		"server":          into(&p.Servers, listOf(address)),
		"include_path":    into(&p.IncludePath, text),
		"connect_timeout": into(&p.ConnectTimeout, positiveDuration),
		"read_timeout":    into(&p.ReadTimeout, duration),
		"request_timeout": into(&p.RequestTimeout, duration),
		"max_conns":       into(&p.MaxConns, wholeUpTo(maxRequests)),
		"queue":           into(&p.Queue, wholeUpTo(maxRequests)),
		"queue_timeout":   into(&p.QueueTimeout, positiveDuration),
		"reuse":           into(&p.Reuse, reuse),
		"status":          into(&p.StatusServer, orNone(address)),
		"status_path":     into(&p.StatusPath, urlPath),
	}
}

func siteKeys(s *gateway.SiteConfig) keys {
	return keys{
		"docroot":                into(&s.Docroot, docrootPattern),
		"pool":                   into(&s.Pool, text),
		"resolve":                into(&s.Resolve, resolveMode),
		"realpath_every":         into(&s.RealpathEvery, duration),
		"link_after":             into(&s.LinkAfter, orNone(absolute)),
		"include_path":           into(&s.IncludePath, text),
		"search_replace_pattern": into(&s.SearchReplacePattern, text),
		"extra_roots":            into(&s.ExtraRoots, listOf(absolute)),
		"request_buffering":      into(&s.RequestBuffering, boolean),
		"release_header":         into(&s.ReleaseHeader, orNone(headerName)),
		"request_id_header":      into(&s.RequestIDHeader, orNone(headerName)),
		"warm":                   into(&s.Warm, listOf(warmURI)),
		"warm_timeout":           into(&s.WarmTimeout, positiveDuration),
		"slots":                  into(&s.Slots, listOf(absolute)),
		"releases":               into(&s.Releases, orNone(absolute)),
		"keep":                   into(&s.Keep, wholeFrom(1, 1000)),
	}
}

func logLevel(v any) (string, error)  { return oneOf(logging.Levels...)(v) }
func logFormat(v any) (string, error) { return oneOf(logging.Formats...)(v) }

func forward(v any) (bool, error) {
	word, err := oneOf("refuse", "forward")(v)
	return word == "forward", err
}

func reuse(v any) (bool, error) {
	word, err := oneOf("off", "auto")(v)
	return word == "auto", err
}

func resolveMode(v any) (deploy.Mode, error) {
	word, err := oneOf("realpath", "readlink")(v)
	if err != nil {
		return 0, err
	}
	return deploy.ParseMode(word)
}

func (d *document) readPool(name string, raw map[string]any) {
	at := []string{"pool", name}
	pool := defaultPool(name)
	d.table(at, raw, poolKeys(&pool))
	if server := append(at, "server"); len(pool.Servers) == 0 && !d.isExcused(server) {
		d.faults.add(d.lines.of(at...), `[%s] has no server: name PHP-FPM's listener, as in server = ["/run/php/php8.2-fpm.sock"]`, toml.Key(at))
	}
	if pool.Reuse && len(pool.Servers) > 0 && !slices.ContainsFunc(pool.Servers, path.IsAbs) {
		d.fault(append(at, "reuse"), `"auto" is for unix sockets, and this pool has none: over TCP nobody can tell that a worker is ready again; take "off"`)
	}
	d.config.Gateway.Pools = append(d.config.Gateway.Pools, pool)
}

func (d *document) readSite(name string, raw map[string]any) {
	at := []string{"site", name}
	site := defaultSite(name)
	d.table(at, raw, siteKeys(&site))
	docroot := append(at, "docroot")
	switch {
	case d.isExcused(docroot):
	case site.Docroot == "":
		d.faults.add(d.lines.of(at...), `[%s] has no docroot: name it, as in docroot = "/var/www/%s/current/public"`, toml.Key(at), name)
	case !site.IsGlob() && site.LinkAfter != "" && !below(site.Docroot, site.LinkAfter):
		d.fault([]string{"site", name, "link_after"}, "the docroot %q is not below %q", site.Docroot, site.LinkAfter)
	}
	if header := site.RequestIDHeader; header != "" && strings.EqualFold(header, site.ReleaseHeader) {
		d.fault([]string{"site", name, "request_id_header"}, `%q is the release_header already; take a name such as "X-Request-Id"`, header)
	}
	d.checkDeploys(site)
	d.config.Gateway.Sites = append(d.config.Gateway.Sites, site)
}

// table reads one table, and goes on after a fault.
func (d *document) table(at []string, raw map[string]any, known keys) {
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		keyPath := slices.Concat(at, []string{key})
		set, ok := known[key]
		if !ok {
			d.unknown(keyPath, raw[key], known)
			continue
		}
		for _, err := range each(set(raw[key])) {
			d.fault(keyPath, "%v", err)
		}
	}
}

// each gives the errors that errors.Join has joined.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

func (d *document) subtable(at []string, v any, known keys) error {
	raw, ok := v.(map[string]any)
	if !ok {
		return wanted(fmt.Sprintf("the table [%s]", toml.Key(at)), v)
	}
	d.table(at, raw, known)
	return nil
}

// named reads the tables [kind.NAME], in the order of the file.
func (d *document) named(kind string, v any, read func(name string, raw map[string]any)) error {
	tables, ok := v.(map[string]any)
	if !ok {
		return wanted(fmt.Sprintf("tables [%s.NAME], each with a name of its own", kind), v)
	}
	names := slices.SortedFunc(maps.Keys(tables), func(a, b string) int {
		return cmp.Or(d.lines.of(kind, a)-d.lines.of(kind, b), strings.Compare(a, b))
	})
	for _, name := range names {
		raw, ok := tables[name].(map[string]any)
		if !ok {
			d.fault([]string{kind, name}, "want it in a table with a name, [%s.NAME]", kind)
			continue
		}
		read(name, raw)
	}
	return nil
}

// checkClients refuses a TCP listener that everybody could use: who may speak
// FastCGI to PHP-FPM may run code.
func (d *document) checkClients() {
	g := &d.config.Gateway
	clients := []string{"allowed_clients"}
	if len(g.AllowedClients) > 0 || d.isExcused(clients) {
		return
	}
	for _, addr := range g.Listen {
		if !path.IsAbs(addr) {
			d.fault([]string{"listen"}, `%q is open to the network: say who may connect with %s, for example "127.0.0.1"`, addr, d.label(clients))
		}
	}
}

// checkAddresses refuses an address that has two uses.
func (d *document) checkAddresses() {
	g := &d.config.Gateway
	for _, addr := range g.Listen {
		switch addr = path.Clean(addr); {
		case addr == path.Clean(g.Control):
			d.fault([]string{"control"}, "%q is in %s already: take another path", g.Control, d.label([]string{"listen"}))
		case addr == path.Clean(g.Metrics):
			d.fault([]string{"metrics"}, "%q is in %s already: take another port", g.Metrics, d.label([]string{"listen"}))
		}
	}
}

func (d *document) checkPools() {
	g := &d.config.Gateway
	if len(g.Listen) == 0 && !d.isExcused([]string{"listen"}) {
		d.fault([]string{"listen"}, "want at least one address")
	}
	if len(g.Pools) == 0 && !d.isExcused([]string{"pool"}) {
		d.faults.add(0, `no pool: add [pool.www] with server = ["/run/php/php8.2-fpm.sock"]`)
		d.excuse([]string{"pool"})
	}
	d.checkReuse()
	if g.ForwardUnmatched && len(g.Pools) > 1 {
		d.fault([]string{"unmatched"}, `"forward" needs a single pool to forward to, and there are %d`, len(g.Pools))
	}
}

// checkReuse refuses to keep connections to a listener that two pools use:
// together they could hold all of its workers.
func (d *document) checkReuse() {
	users := map[string][]string{}
	for _, p := range d.config.Gateway.Pools {
		for _, server := range p.Servers {
			users[server] = append(users[server], p.Name)
		}
	}
	for _, p := range d.config.Gateway.Pools {
		for _, server := range p.Servers {
			if in := users[server]; p.Reuse && len(in) > 1 {
				d.fault([]string{"pool", p.Name, "reuse"}, `"auto" needs listeners of its own, and %s is in the pools %s; take "off", or one pool for both`,
					server, strings.Join(in, " and "))
				break
			}
		}
	}
}

func (d *document) checkSites() {
	g := &d.config.Gateway
	if len(g.Sites) == 0 && !g.ForwardUnmatched && !d.isExcused([]string{"site"}) {
		d.faults.add(0, `no site: add [site.shop] with docroot = "/var/www/shop/current/public"`)
	}
	taken := map[string]string{}
	for i := range g.Sites {
		site := &g.Sites[i]
		d.choosePool(site)
		docroot := path.Clean(site.Docroot)
		if other, ok := taken[docroot]; ok && site.Docroot != "" {
			d.fault([]string{"site", site.Name, "docroot"}, "%q is the docroot of [%s] already", site.Docroot, toml.Key{"site", other})
		}
		taken[docroot] = site.Name
	}
}

// choosePool fills in the only pool, and refuses one that is not there.
func (d *document) choosePool(site *gateway.SiteConfig) {
	var names []string
	for _, p := range d.config.Gateway.Pools {
		names = append(names, p.Name)
	}
	at := []string{"site", site.Name, "pool"}
	switch {
	case d.isExcused([]string{"pool"}) || d.isExcused(at) || slices.Contains(names, site.Pool):
	case site.Pool == "" && len(names) == 1:
		site.Pool = names[0]
	case site.Pool == "":
		d.faults.add(d.lines.of(at...), `[%s] names no pool, and there are %d: add pool = "%s"`,
			toml.Key(at[:2]), len(names), strings.Join(names, `" or "`))
	default:
		d.fault(at, "there is no [%s]%s", toml.Key{"pool", site.Pool}, didYouMean("%q", Nearest(site.Pool, names)))
	}
}

// below says whether file is in the directory dir, at any depth.
func below(file, dir string) bool {
	dir = strings.TrimSuffix(path.Clean(dir), "/")
	return strings.HasPrefix(path.Clean(file), dir+"/")
}

package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"strings"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// Config is everything a Server is told. The command line makes it from TOML;
// New checks it and names what is wrong.
type Config struct {
	// Listen has the addresses to listen on: absolute unix socket paths, or
	// "host:port" for TCP.
	Listen []sock.Addr
	// ListenMode is the mode of the unix sockets.
	ListenMode fs.FileMode
	// AllowedClients are the networks that may connect over TCP. A TCP
	// listener needs at least one.
	AllowedClients []netip.Prefix
	// ForwardUnmatched sends a request whose DOCUMENT_ROOT belongs to no site
	// on to the only pool as it came. Otherwise it is refused with a 404.
	ForwardUnmatched bool
	// ShutdownTimeout is how long requests may go on after Shutdown; at least 0.
	ShutdownTimeout time.Duration
	// AccessLog writes one event a request.
	AccessLog bool
	// SlowLog marks requests that took at least this long; 0 marks none.
	SlowLog time.Duration
	// SpoolDir takes the bodies that are too large for memory; "" is the
	// system's directory for temporary files.
	SpoolDir string
	// Control is the absolute path of the control socket, which serves the
	// control API and /metrics to its owner and group; "" opens none.
	Control string
	// Metrics is a "host:port" that serves /metrics over TCP; "" opens none.
	Metrics string
	// StateDir is the directory that has the sites' histories, so that they
	// survive a restart; "" keeps none.
	StateDir string
	Pools    []fpm.Config
	Sites    []SiteConfig
}

// SiteConfig is one docroot, or a glob of docroots, with its settings.
type SiteConfig struct {
	// Name is the site's name in the configuration.
	Name string
	// Docroot is the document root as the web server sends it, an absolute
	// path, or a path.Match pattern of such.
	Docroot string
	// Pool names the pool that runs the site.
	Pool string
	// Resolve says how far symlinks are followed.
	Resolve deploy.Mode
	// RealpathEvery is how long one look at the link may serve; 0 looks for
	// every request.
	RealpathEvery time.Duration
	// LinkAfter is a directory below which the link is looked for, for a
	// docroot whose parents are symlinks too; "" looks from the root.
	LinkAfter string
	// IncludePath is the site's include_path, mapped to the release for each
	// request; "" leaves the include_path to the web server and to PHP.
	IncludePath string
	// SearchReplacePattern is what is replaced in include_path: one or more
	// paths joined by ":"; "" is the link.
	SearchReplacePattern string
	// ExtraRoots are directories outside the docroot that may hold scripts.
	ExtraRoots []string
	// RequestBuffering spools large bodies to disk before a worker is taken.
	RequestBuffering bool
	// ReleaseHeader is a response header that gets the release's name; ""
	// adds none.
	ReleaseHeader string
	// RequestIDHeader is a response header that gets the request's id, also on
	// errors of realdocd's own; "" adds none.
	RequestIDHeader string
	// Warm are the requests that run on a release before it goes live: paths,
	// or URLs where the host matters.
	Warm []string
	// WarmTimeout bounds each of them.
	WarmTimeout time.Duration
	// Slots are the directories that deploys alternate between, at least two;
	// or Releases is the directory that gets a new one for each deploy, of
	// which Keep are kept.
	Slots    []string
	Releases string
	Keep     int
}

// IsGlob says whether Docroot is a pattern.
func (c SiteConfig) IsGlob() bool { return strings.ContainsAny(c.Docroot, `*?[\`) }

// check names everything that is wrong.
func (c *Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	pools := map[string]bool{}
	for _, p := range c.Pools {
		if pools[p.Name] {
			bad("pool %q is there twice", p.Name)
		}
		pools[p.Name] = true
		if len(p.Servers) == 0 {
			bad("pool %q has no server", p.Name)
		}
		for _, addr := range p.Servers {
			if addr.IsUnix() && len(addr) > sock.MaxUnixPath {
				bad("pool %q: server %s: the path of a unix socket has at most %d bytes", p.Name, addr, sock.MaxUnixPath)
			}
		}
	}
	docroots := map[string]string{}
	for _, st := range c.Sites {
		root := path.Clean(st.Docroot)
		if !path.IsAbs(root) {
			bad("site %q: docroot %q is not an absolute path", st.Name, st.Docroot)
		}
		if _, err := path.Match(root, ""); err != nil {
			bad("site %q: docroot %q: %w", st.Name, st.Docroot, err)
		}
		if other, ok := docroots[root]; ok {
			bad("site %q has the docroot of site %q", st.Name, other)
		}
		docroots[root] = st.Name
		if !pools[st.Pool] {
			bad("site %q: there is no pool %q", st.Name, st.Pool)
		}
	}
	for _, addr := range c.Listen {
		if !addr.IsUnix() && len(c.AllowedClients) == 0 {
			bad("listen on %s: a TCP listener needs allowed_clients", addr)
		}
	}
	if c.ForwardUnmatched && len(c.Pools) != 1 {
		bad("forwarding unmatched requests needs exactly one pool, there are %d", len(c.Pools))
	}
	return errors.Join(errs...)
}

package gateway

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/pattern"
	"realdocd/gateway/sock"
)

// Config is everything a Server is told. The Server takes it as checked: what the
// fields promise holds, each name of a pool or of a site is there once, and so is each
// docroot. cmd/realdocd/conf makes it from a file and checks it, because only there
// can a fault be named with its line.
type Config struct {
	// Listen has the addresses to listen on: absolute unix socket paths, or
	// "host:port" for TCP.
	Listen []sock.Addr
	// ListenMode is the mode of the unix sockets.
	ListenMode fs.FileMode
	// ListenGroup, by name or number, is their group; "" is that of the daemon's user.
	ListenGroup string
	// AllowedClients are the networks that may connect over TCP. A TCP
	// listener needs at least one.
	AllowedClients []netip.Prefix
	// ForwardUnmatched sends a request whose DOCUMENT_ROOT belongs to no site
	// on to the only pool as it came. Otherwise it is refused with a 404.
	ForwardUnmatched bool
	// ShutdownTimeout is how long requests may go on after Shutdown; at least 0.
	ShutdownTimeout time.Duration
	// AccessLog says which requests are logged.
	AccessLog AccessLog
	// Trace says which requests a collector is told of.
	Trace TraceConfig
	// SlowLog marks requests that took at least this long; 0 marks none.
	SlowLog time.Duration
	// HeaderTimeout bounds the time from the beginning of a request to the end of its
	// params, and BodyTimeout the silence of a web server within a body. IdleTimeout is
	// how long a connection of a web server may be without a request. 0 sets no bound.
	HeaderTimeout, BodyTimeout, IdleTimeout time.Duration
	// MaxSpool bounds, in bytes, what all bodies together take in SpoolDir; 0 is no
	// bound beside the room that there is.
	MaxSpool int64
	// SpoolDir takes the bodies that are too large for memory; "" is the
	// system's directory for temporary files.
	SpoolDir string
	// ProbeDir is where the two PHP files are laid that PHP-FPM is asked with; "" is
	// beside the control socket. It is for a PHP-FPM that does not see that directory.
	ProbeDir string
	// MaxBody is the longest body of a request, in bytes; 0 sets no bound.
	MaxBody int64
	// MaxConnections bounds the connections of web servers that one listener has; 0
	// is what the descriptors allow.
	MaxConnections int
	// Page is where the page is served that shows what the daemon does: host:port or the
	// absolute path of a unix socket; the same as Metrics is there. "" serves it on the control socket alone, for
	// realdocd status --web.
	Page string
	// MaxConns bounds the requests in PHP-FPM at once, of all pools together; 0 sets no
	// bound beside theirs.
	MaxConns int
	// Control is the absolute path of the control socket, which serves the
	// control API and /metrics; "" opens none.
	Control string
	// ControlGroup, by name or number, is the group of the control socket; "" is
	// that of the daemon's user. ControlMode is its
	// mode; 0 is 0660.
	ControlGroup string
	ControlMode  fs.FileMode
	// OperateGroups and LookGroups are groups, by name or number, whose members may
	// use the control socket too, for the role that their name says. Nobody else gets
	// more than the mode and the group of the socket say.
	OperateGroups, LookGroups []string
	// AllowedUsers are the users that may connect to the unix sockets of Listen, beside
	// root; none is whoever their modes let in.
	AllowedUsers []uint32
	// User is who the daemon runs as, by name or number. The commands believe no
	// other daemon, but root's and one of their own user.
	User string
	// Metrics is a "host:port" that serves /metrics over TCP; "" opens none.
	Metrics string
	// StateDir is the directory that has the sites' histories, so that they
	// survive a restart; "" keeps none.
	StateDir string
	// PinKeyFile has the keys that pins are signed by; "" is pin.key in StateDir, which is
	// made when it is needed.
	PinKeyFile string
	// Fleet says whether this host belongs to a fleet.
	Fleet FleetConfig
	Pools []fpm.Config
	Sites []SiteConfig
	// Told is all of this as operators are told of it.
	Told control.Configuration
}

// FleetConfig is what the daemon knows of its fleet. All else the agent knows, which tells it
// where the sites stand.
type FleetConfig struct {
	// On says that there is one: requests ask where their site stands. It takes a StateDir.
	On bool
	// ServeBehind has requests of a site run that does not have what is committed, or is not known
	// to have it. Otherwise they are refused.
	ServeBehind bool
}

// SiteConfig is one docroot, or a glob of docroots, with its settings.
type SiteConfig struct {
	// Name is the site's name in the configuration.
	Name string
	// Of is the site with a pattern of which this is one docroot with settings of its
	// own: Name is the tenant's then. "" is none.
	Of string
	// Docroot is the document root as the web server sends it, an absolute
	// and clean path, or a path.Match pattern of such.
	Docroot string
	// Pool names the pool that runs the site. If Docroot is a pattern it may have
	// {1}, {2} and so on, for what the wildcards match, as Slots, Releases and SharedDir
	// may: each docroot has its own then.
	Pool string
	// Resolve says how far symlinks are followed.
	Resolve deploy.Mode
	// RealpathEvery is how long one look at the link may serve; 0 looks for
	// every request.
	RealpathEvery time.Duration
	// LinkAfter is a directory or a link behind which the first link is the one that
	// deploys flip; "" leaves that to deploy.Way.Flipped.
	LinkAfter string
	// IncludePath is the site's include_path, mapped to the release for each
	// request; "" leaves the include_path to the web server and to PHP.
	IncludePath string
	// SearchReplacePattern is what is replaced in include_path: one or more
	// paths joined by ":"; "" is the link.
	SearchReplacePattern string
	// ExtraRoots are directories outside the docroot that may hold scripts.
	ExtraRoots []string
	// MapParams are variables of a request that are mapped to the release, though the
	// client can write them; KeepParams those that are not, though the web server sets
	// them.
	MapParams, KeepParams []string
	// RefusePHPValue refuses requests in which the web server sets PHP_VALUE or
	// PHP_ADMIN_VALUE. Otherwise what they load is confined.
	RefusePHPValue bool
	// MaxConns bounds the site's requests in FPM at once, for a pattern those of each
	// link; 0 sets no bound beside the pool's.
	MaxConns int
	// StderrToLog keeps what PHP writes to its error output from the web server.
	StderrToLog bool
	// ReadTimeout and RequestTimeout are the pool's if they are nil.
	ReadTimeout, RequestTimeout *time.Duration
	// DropAbandoned drops a request whose web server leaves before FPM has it, whatever
	// its method. Otherwise only GET and HEAD are dropped. AbandonedPaths are patterns
	// of path.Match for the paths of requests that run in any case.
	DropAbandoned  bool
	AbandonedPaths []string
	// RequestBuffering spools large bodies to disk before a worker is taken.
	RequestBuffering bool
	// AccessLog is the daemon's if it is nil.
	AccessLog *AccessLog
	// ReleaseHeader is a response header that gets the release's name; ""
	// adds none.
	ReleaseHeader string
	// Pin says what follows a pin, and PinMaxAge how long one holds. PinCookie is the name
	// of its cookie; "" is the default names, and NoCookie sets none. PinCached sets it also on
	// responses that a shared cache may keep.
	Pin       PinRule
	PinMaxAge time.Duration
	PinCookie string
	PinCached bool
	// RequestIDHeader is a response header that gets the request's id, also on
	// errors of realdocd's own; "" adds none.
	RequestIDHeader string
	// ServerTiming adds a response header that says where the time went.
	ServerTiming bool
	// Warm are the requests that run on a release before it goes live: paths,
	// or URLs if the host matters.
	Warm []string
	// WarmTimeout bounds each of them.
	WarmTimeout time.Duration
	// Slots are the directories that deploys alternate between, at least two;
	// or Releases is the directory that gets a new one for each deploy, of
	// which Keep are kept.
	Slots    []string
	Releases string
	Keep     int
	// Shared are paths that all releases have in common: each has symlinks there,
	// into SharedDir. "" is "shared" beside the releases.
	Shared    []string
	SharedDir string
	// Exclude are what a deploy neither copies nor touches: names at any depth, or
	// paths below the release.
	Exclude []string
	// BeforeFlip are commands that run in a release before it goes live, and stop that
	// when one fails; AfterFlip run in it afterwards.
	BeforeFlip, AfterFlip []string
}

// Links say how the site's links are looked at.
func (c SiteConfig) Links() deploy.Options {
	o := deploy.Options{Mode: c.Resolve, Every: c.RealpathEvery, LinkAfter: c.LinkAfter, Slots: c.Slots, Releases: c.Releases}
	if c.IsGlob() && (pattern.IsForm(c.Releases) || slices.ContainsFunc(c.Slots, pattern.IsForm)) {
		o.Places = func(docroot string) ([]string, string) {
			its := c.At(docroot)
			return its.Slots, its.Releases
		}
	}
	return o
}

// HistoryOf is the name of the site whose history has the site's flips: that of a tenant
// is where it was before it got settings of its own.
func (c SiteConfig) HistoryOf() string { return cmp.Or(c.Of, c.Name) }

// IsGlob says whether Docroot is a pattern.
func (c SiteConfig) IsGlob() bool { return pattern.Is(c.Docroot) }

// Has says whether a clean docroot is the site's, or fits its pattern.
func (c SiteConfig) Has(docroot string) bool {
	ok, _ := path.Match(c.Docroot, docroot)
	return ok
}

// DocrootOf gives the clean docroot that is meant by asked: the site's own for "",
// unless the site has a pattern, of which one has to be named.
func (c SiteConfig) DocrootOf(asked string) (string, error) {
	switch docroot := path.Clean(asked); {
	case asked == "" && c.IsGlob():
		return "", fmt.Errorf("the docroot of site %s is the pattern %s: say which one is meant, as in %[1]s/NAME with what the wildcard stands for", c.Name, c.Docroot)
	case asked == "":
		return c.Docroot, nil
	case !c.Has(docroot):
		return "", fmt.Errorf("%s does not match the docroot of site %s, which is %s", docroot, c.Name, c.Docroot)
	default:
		return docroot, nil
	}
}

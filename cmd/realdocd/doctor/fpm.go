package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway/fpm"
	"realdocd/gateway/fpmconf"
	"realdocd/gateway/sock"
)

// A server is one FPM listener of a pool, with what it has told.
type server struct {
	*examination
	pool   fpm.Config
	addr   sock.Addr
	roots  []*root // that the pool serves
	answer *fpm.Answer
	conf   *fpmconf.Config // of the FPM; nil if it was not found
	own    *fpmconf.Pool   // the pool in it that listens at addr; nil likewise
	master string          // tells the FPM from others; see masterOf
}

func (s *server) subject() Subject { return Subject{Pool: s.pool.Name, Server: string(s.addr)} }

// found notes a finding about the server.
func (s *server) found(k kind, what, do string) { s.add(k, s.subject(), what, do) }

// askServers asks each listener of each pool. One that does not answer is examined no
// further.
func (x *examination) askServers() {
	for _, pool := range x.config.Pools {
		for _, addr := range pool.Servers {
			s := &server{examination: x, pool: pool, addr: addr}
			for _, p := range x.roots {
				if p.poolOf() == pool.Name {
					s.roots = append(s.roots, p)
				}
			}
			if s.answers() {
				s.compareReach()
				s.ask()
				x.servers = append(x.servers, s)
			}
		}
	}
}

// answers sees whether FPM answers at all. One that hangs must not use up the
// time for the others.
func (s *server) answers() bool {
	ctx, cancel := context.WithTimeout(s.ctx, probeTimeout)
	defer cancel()
	alone := s.pool
	alone.Servers = []sock.Addr{s.addr}
	check := fpm.PingAll(ctx, []fpm.Config{alone})[0]
	if check.Err != nil {
		s.explain(check.Err)
		return false
	}
	if err := s.daemon.may(string(s.addr), unix.W_OK); s.addr.IsUnix() && s.status == nil && err != nil {
		s.found(kindFPMForbidden, fmt.Sprintf("The daemon, as %s, may not connect to PHP-FPM: %v.", s.daemonName(), err),
			"Set listen.owner, listen.group and listen.mode of FPM's pool for that user, or listen.acl_users where that is set; or make it a member of the group: usermod -aG GROUP realdocd.")
	}
	s.found(kindFPM, fmt.Sprintf("PHP-FPM answers, in %s.", check.Took.Round(10*time.Microsecond)), "")
	return true
}

// explain says why FPM was not reached.
func (s *server) explain(err error) {
	what := fmt.Sprintf("PHP-FPM is not reached: %v.", err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.found(kindFPMMissing, what, "Start PHP-FPM, or make server the listen of its pool.")
	case errors.Is(err, syscall.ECONNREFUSED):
		s.found(kindFPMRefused, what, "Start PHP-FPM: nobody listens there.")
	case errors.Is(err, fs.ErrPermission):
		s.found(kindFPMForbidden, what, "Run check as root or as realdocd's user; if it is that, set listen.owner, listen.group and listen.mode of FPM's pool for it, or listen.acl_users where that is set.")
	case errors.Is(err, fpm.ErrBacklogFull):
		s.found(kindFPMFull, what, "All workers are busy and the backlog is full: see what they do, raise pm.max_children, and set max_conns so that requests wait in realdocd.")
	default:
		s.found(kindFPMSilent, what, "See whether it is PHP-FPM that listens there, and whether all of its workers are busy: its log and its status tell.")
	}
}

// compareReach sees whether the daemon reaches the listener too: it is another user.
func (s *server) compareReach() {
	p := s.poolStatus(s.pool.Name)
	if p == nil {
		return
	}
	for _, st := range p.Servers {
		if st.Address != string(s.addr) {
			continue
		}
		if !st.Up {
			s.found(kindFPMPassedOver, fmt.Sprintf("The daemon does not use the listener since %s: %s.", st.Since.Local().Format(time.DateTime), st.Error),
				"If it is a permission: set listen.owner, listen.group and listen.mode of FPM's pool for realdocd's user.")
		}
		if why := st.NotKept(); s.pool.Reuse && why != "" {
			s.found(kindReuseImpossible, fmt.Sprintf("No connection to FPM is kept: %s.", why), `If it can be mended, mend it; reuse = "off" says that it is meant.`)
		}
	}
}

// ask runs the probe and looks for FPM's configuration.
func (s *server) ask() {
	q := fpm.Question{INI: iniKeys}
	for _, p := range s.roots {
		q.Dirs = append(q.Dirs, p.Release)
		q.Paths = append(append(q.Paths, p.mustRead()...), p.closed...)
	}
	var err error
	s.answer, err = s.probes.ask(s.ctx, &s.pool, s.addr, q)
	s.findConfiguration()
	if err == nil {
		return
	}
	if s.own != nil && s.own.Get("chroot").Value != "" {
		return // which is the reason, and a finding of its own
	}
	do := "See FPM's log, and open_basedir, chroot and security.limit_extensions of the pool."
	if s.own != nil {
		if dir := s.own.PHP("open_basedir"); dir.IsSet() {
			do = fmt.Sprintf("Its open_basedir is %s (%s): add a directory that check may write to, such as that of control.", dir.Value, dir.At)
		}
	}
	s.found(kindFPMMute, fmt.Sprintf("PHP-FPM does not run the script that asks it, so that most checks are left out: %v.", err), do)
}

// mustRead are what FPM needs of a release at least.
func (p *root) mustRead() []string {
	paths := []string{p.ResolvedDocroot}
	if front := filepath.Join(p.ResolvedDocroot, "index.php"); isFile(front) {
		paths = append(paths, front)
	}
	return paths
}

func isFile(name string) bool {
	fi, err := os.Stat(name)
	return err == nil && fi.Mode().IsRegular()
}

// findConfiguration reads FPM's configuration.
func (s *server) findConfiguration() {
	var titles []string
	pid, err := fpm.ListenerPID(s.addr)
	if err == nil {
		titles = append(titles, fpmconf.Title(pid))
	}
	if s.answer != nil {
		titles = append(titles, s.answer.Master)
	}
	s.conf, s.own = s.fpms.Find(string(s.addr), titles...)
	s.master = s.masterOf(pid)
}

// userName is FPM's user, by name if it has one.
func (s *server) userName() string { return nameOfUser(s.answer.UID) }

// oldestKept is the oldest branch of PHP that still got fixes of security when
// this was written.
var oldestKept = [2]int{8, 2}

var phpBranch = regexp.MustCompile(`^(\d+)\.(\d+)\.`)

// checkVersion looks for known faults of PHP's version.
func (s *server) checkVersion() {
	if s.answer == nil {
		return
	}
	if err := fpm.SmugglingFault(s.answer.Version); err != nil {
		s.found(kindPHPUnreadBody, fmt.Sprintf("%v. Without kept connections it does no harm.", err),
			`Upgrade PHP. Until then reuse = "auto" keeps no connection, and nothing else may keep connections to this FPM.`)
	}
	branch := phpBranch.FindStringSubmatch(s.answer.Version)
	if branch == nil {
		return
	}
	major, _ := strconv.Atoi(branch[1])
	minor, _ := strconv.Atoi(branch[2])
	if major < oldestKept[0] || major == oldestKept[0] && minor < oldestKept[1] {
		s.found(kindPHPEndOfLife, fmt.Sprintf("PHP %s is of a branch that gets no fixes from php.net any more.", s.answer.Version),
			"Upgrade to a branch that is supported, unless your distribution backports fixes.")
	}
}

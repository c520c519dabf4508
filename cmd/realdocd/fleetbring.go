package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"realdocd/deploy"
)

// fetchTimeout bounds a command that brings a release.
const fetchTimeout = time.Hour

// A bring is a release that is to come here from elsewhere.
type bring struct {
	contents      *deploy.Contents
	release, hash string // hash is "" if it is not known
	by            string // who wants it
	// releases is the directory that it comes into; "" is that of the configuration.
	releases string
	// command fills REALDOC_TARGET, for fetchRelease.
	command string
	limit   time.Duration // 0 is fetchTimeout
}

// fetchRelease has a command bring a release, and gives the hash of its content.
func (g *goLive) fetchRelease(ctx context.Context, b bring) (hash string, err error) {
	to, err := g.bringing(b)
	if err != nil {
		return "", err
	}
	content, err := to.Fetch(ctx, func(ctx context.Context, dir string, held *os.File) error {
		h := hook{command: b.command, dir: dir, limit: cmp.Or(b.limit, fetchTimeout), held: held}
		h.env = append(ownEnvironment(dir), "REALDOC_SITE="+g.site.Name, "REALDOC_RELEASE="+b.release, "REALDOC_TARGET="+dir, "REALDOC_HASH="+b.hash)
		if err := h.run(ctx); err != nil {
			return fmt.Errorf("fetch: %w", err)
		}
		return nil
	})
	return content.Hash, err
}

// placeRelease gives the directory that somebody is to push a release into.
func (g *goLive) placeRelease(ctx context.Context, b bring) (target string, err error) {
	to, err := g.bringing(b)
	if err != nil {
		return "", err
	}
	return to.Place(ctx)
}

// takeRelease gives a release its name that was pushed, and gives the hash of its content.
func (g *goLive) takeRelease(ctx context.Context, b bring) (hash string, err error) {
	to, err := g.bringing(b)
	if err != nil {
		return "", err
	}
	content, err := to.Take(ctx)
	return content.Hash, err
}

// bringing refuses what cannot be brought. A slot is one: its name says nothing of what is in it, and
// a command that fails half-way would have overwritten what a rollback goes to.
func (g *goLive) bringing(b bring) (*deploy.Bringing, error) {
	key := toml.Key{"site", g.site.Name}
	switch {
	case len(g.site.Slots) > 0:
		return nil, fmt.Errorf("site %s has slots, and a fleet brings releases of their own only: set releases in [%s] instead of slots, or fill the slot with realdocd deploy on this host", g.site.Name, key)
	case b.releases == "" && g.site.Releases == "":
		return nil, fmt.Errorf("site %s has no place for a release that comes: set releases in [%s]", g.site.Name, key)
	case g.stateDir == "":
		return nil, errors.New(`state_dir is "", and which directories are realdocd's own is kept there: set it`)
	}
	w, err := g.warden("", nil)
	if err != nil {
		return nil, err
	}
	rec := g.newRecord(deploy.KindRelease)
	rec.By = cmp.Or(b.by, rec.By)
	return &deploy.Bringing{
		Releases: cmp.Or(b.releases, g.site.Releases), Name: b.release, Hash: b.hash,
		Filling: g.filling(""), Shared: deploy.Shared{Dir: g.site.SharedDir, Paths: g.site.Shared},
		Record: rec, Warden: w, Contents: b.contents,
	}, nil
}

// ownEnvironment is that of a command which runs as the owner of a directory: what
// programs need to find themselves, and nothing else that we know, such as etcd's password.
func ownEnvironment(dir string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if owner, ok := deploy.OwnerOf(dir); !ok {
		env = append(env, "HOME="+os.Getenv("HOME"))
	} else if u, err := user.LookupId(strconv.FormatUint(uint64(owner.UID), 10)); err == nil {
		env = append(env, "HOME="+u.HomeDir, "USER="+u.Username, "LOGNAME="+u.Username)
	}
	kept := []string{"LANG", "TZ", "TMPDIR", "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY"}
	return append(env, slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return !slices.Contains(kept, name) && !strings.HasPrefix(name, "LC_")
	})...)
}

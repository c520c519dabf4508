package gateway

import (
	"context"
	"path"
	"slices"
	"strconv"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// memorySettings are those by which PHP remembers files.
var memorySettings = []string{
	"opcache.validate_timestamps", "opcache.revalidate_freq", "opcache.file_update_protection", "opcache.revalidate_path",
	"user_ini.filename", "user_ini.cache_ttl", "realpath_cache_ttl",
}

// Headroom asks each FPM of the site's pool whether it can read a release, a directory by
// its absolute path, and whether the release fits into opcache beside the live one; the
// answer is that of the one with the least room. What opcache has of releases that are gone
// counts as wasted from then on. It takes an ordinary worker.
func (s *Server) Headroom(ctx context.Context, name, docroot, release string) (control.Headroom, error) {
	st, docroot, v, err := s.enterNamed(name, docroot, release)
	if err != nil {
		return control.Headroom{}, err
	}
	defer v.Withdraw()
	p, err := st.poolOf(docroot)
	if err != nil {
		return control.Headroom{}, err
	}
	live := st.releases.Live(docroot)
	var worst *control.Headroom
	for _, addr := range p.Up() {
		// What cannot be told here is told by the question below.
		p.Opcache(ctx, addr, fpm.Task{Do: "forget", Gone: beside(v.Path, live), Keep: s.liveOn(p)})
		h := s.headroomAt(ctx, p, addr, v, live)
		if worst == nil || h.worse(worst) {
			worst = &h.Headroom
		}
	}
	return *worst, nil
}

// beside are the directories that releases are in.
func beside(releases ...string) (parents []string) {
	for _, r := range releases {
		if parent := path.Dir(r); r != "" && !slices.Contains(parents, parent) {
			parents = append(parents, parent)
		}
	}
	return parents
}

// A headroom is one FPM's.
type headroom struct{ control.Headroom }

// worse says whether a deploy should hear of this one rather than of another.
func (h headroom) worse(than *control.Headroom) bool {
	switch {
	case h.Readable != than.Readable:
		return !h.Readable
	case h.Asked != than.Asked:
		return !h.Asked
	case h.Opcache != than.Opcache:
		return h.Opcache
	case h.Fits != than.Fits:
		return !h.Fits
	}
	return h.FreeMemory-h.NeedsMemory < than.FreeMemory-than.NeedsMemory
}

func (s *Server) headroomAt(ctx context.Context, p *fpm.Pool, addr sock.Addr, v deploy.Visit, live string) headroom {
	all := s.liveOn(p)
	answer, err := p.AskAt(ctx, addr, fpm.Question{
		Dirs: append([]string{v.Path, live}, all...), Paths: []string{v.Docroot}, INI: memorySettings,
	})
	if err != nil {
		h := headroom{control.Headroom{Readable: true, Fits: true, Server: string(addr)}}
		h.Why = "PHP-FPM could not be asked: " + err.Error()
		return h
	}
	h := headroomOf(answer, v.Path, live, all)
	h.Server, h.Readable = string(addr), answer.Barred[v.Docroot] == ""
	return h
}

// liveOn are the live releases of all sites of a pool.
func (s *Server) liveOn(p *fpm.Pool) (releases []string) {
	has := map[string]bool{} // there may be thousands
	for _, st := range s.setup.Load().sites.all {
		if !st.uses(p) {
			continue
		}
		for _, docroot := range st.releases.Docroots() {
			if its, _ := st.poolOf(docroot); its != p {
				continue
			}
			if live := st.releases.Live(docroot); live != "" && !has[live] {
				has[live] = true
				releases = append(releases, live)
			}
		}
	}
	return releases
}

// headroomOf draws the conclusion. A script has more keys than one if it is
// included by different names, so that keys are counted by the share of scripts.
func headroomOf(a fpm.Answer, next, live string, all []string) headroom {
	h := headroom{control.Headroom{Asked: true, Readable: true, Fits: true, PHP: memoryOf(a.INI)}}
	switch {
	case !a.HasOpcache:
		h.Why = "PHP has no opcache"
		return h
	case a.Opcache == nil:
		h.Why = "opcache is off for FPM, or opcache.restrict_api keeps it to itself"
		return h
	}
	o := a.Opcache
	ofNext, ofLive := o.Dirs[next], o.Dirs[live]
	h.Opcache, h.Known, h.Cached = true, ofLive[1] > 0, ofNext[1]
	h.Memory, h.FreeMemory = o.Free+o.Used+o.Wasted, o.Free
	h.NeedsMemory = max(0, ofLive[0]-ofNext[0])
	h.Keys, h.FreeKeys = o.MaxKeys, o.MaxKeys-o.Keys
	perScript := func(scripts int64) int64 {
		if o.Scripts == 0 {
			return 0
		}
		return scripts * o.Keys / o.Scripts
	}
	h.NeedsKeys = max(0, perScript(ofLive[1]-ofNext[1]))
	h.Fits = h.FreeMemory >= h.NeedsMemory && h.FreeKeys >= h.NeedsKeys && (h.Known || !o.Full)
	var kept [2]int64 // what opcache would begin anew with
	for _, dir := range all {
		kept[0], kept[1] = kept[0]+o.Dirs[dir][0], kept[1]+o.Dirs[dir][1]
	}
	h.Restart = !h.Fits && h.FreeMemory+o.Wasted+o.Valid[0]-kept[0] >= ofLive[0] && o.MaxKeys-perScript(kept[1]) >= perScript(ofLive[1]) &&
		o.Wasted+o.Valid[0]-kept[0] > h.FreeMemory/8
	return h
}

// memoryOf reads the settings as PHP has them.
func memoryOf(ini map[string]string) *control.PHPMemory {
	if ini["opcache.revalidate_freq"] == "" && ini["user_ini.cache_ttl"] == "" {
		return nil
	}
	number := func(key string) int {
		n, _ := strconv.Atoi(ini[key])
		return n
	}
	on := func(key string) bool {
		return ini[key] != "" && ini[key] != "0" && ini[key] != "Off" && ini[key] != "off"
	}
	return &control.PHPMemory{
		ValidateTimestamps: on("opcache.validate_timestamps"), RevalidateFreq: number("opcache.revalidate_freq"),
		UpdateProtection: number("opcache.file_update_protection"), RevalidatePath: on("opcache.revalidate_path"),
		UserINI: ini["user_ini.filename"], UserINITTL: number("user_ini.cache_ttl"), RealpathTTL: number("realpath_cache_ttl"),
	}
}

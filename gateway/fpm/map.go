package fpm

import (
	"context"

	"realdocd/gateway/sock"
	"realdocd/incpath"
)

// An asker is Ask, or what a test has in its place.
type asker func(ctx context.Context, addr sock.Addr, script string, q Question) (Answer, error)

// Mapping is how paths become those of FPM, which may see the tree elsewhere, in a
// container or a chroot; without Map it maps nothing.
func (c *Config) Mapping() incpath.Mapping { return incpath.Mapping{Spellings: c.Map} }

// InFPM is a path as FPM sees it.
func (c *Config) InFPM(path string) string {
	m := c.Mapping()
	mapped, _ := m.Path(path)
	return mapped
}

// Ask is [Ask] with all paths as FPM sees them; those in the answer are ours again.
func (c *Config) Ask(ctx context.Context, addr sock.Addr, script string, q Question) (Answer, error) {
	return c.askBy(Ask, ctx, addr, script, q)
}

func (c *Config) askBy(ask asker, ctx context.Context, addr sock.Addr, script string, q Question) (Answer, error) {
	if len(c.Map) == 0 {
		return ask(ctx, addr, script, q)
	}
	theirs := q
	theirs.Paths, theirs.Dirs = c.allInFPM(q.Paths), c.allInFPM(q.Dirs)
	is, err := ask(ctx, addr, c.InFPM(script), theirs)
	if err != nil {
		return is, err
	}
	barred := map[string]string{}
	for i, path := range q.Paths {
		if bar, has := is.Barred[theirs.Paths[i]]; has {
			barred[path] = bar
		}
	}
	is.Barred = barred
	if is.Opcache != nil {
		dirs := map[string][2]int64{}
		for i, dir := range q.Dirs {
			dirs[dir] = is.Opcache.Dirs[theirs.Dirs[i]]
		}
		is.Opcache.Dirs = dirs
	}
	return is, nil
}

func (c *Config) allInFPM(paths []string) (mapped []string) {
	for _, path := range paths {
		mapped = append(mapped, c.InFPM(path))
	}
	return mapped
}

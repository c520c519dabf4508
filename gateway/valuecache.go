package gateway

import (
	"strings"
	"sync/atomic"

	"realdocd/deploy"
)

// A valueCache remembers the last two rewritten PHP_VALUEs of a site: one
// mapped, one with an include_path added. A web server sends the same text
// with every request, so that parsing and quoting happen once a release.
type valueCache struct{ mapped, added atomic.Pointer[rewritten] }

type rewritten struct {
	release *deploy.Release
	sent    string
	out     []byte
	found   bool
}

func (c *valueCache) slot(added bool) *atomic.Pointer[rewritten] {
	if added {
		return &c.added
	}
	return &c.mapped
}

func (c *valueCache) get(r *deploy.Release, sent string, added bool) *rewritten {
	if v := c.slot(added).Load(); v != nil && v.release == r && v.sent == sent {
		return v
	}
	return nil
}

func (c *valueCache) put(r *deploy.Release, sent string, added bool, out string, found bool) []byte {
	v := &rewritten{r, strings.Clone(sent), []byte(out), found}
	c.slot(added).Store(v)
	return v.out
}

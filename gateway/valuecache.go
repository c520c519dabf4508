package gateway

import (
	"strings"
	"sync/atomic"
	"unsafe"

	"realdocd/deploy"
)

// A valueCache remembers the last PHP_VALUE that was rewritten for a site. A web
// server sends the same text with every request, so that parsing and quoting
// happen once a release.
type valueCache struct{ last atomic.Pointer[rewritten] }

type rewritten struct {
	release   *deploy.Release
	spellings *deploy.Spelling // of it, the first: they change with what is on the way
	sent      string
	out       []byte
	found     bool
}

func (c *valueCache) get(r *deploy.Release, sent string) *rewritten {
	if v := c.last.Load(); v != nil && v.release == r && v.spellings == first(r) && v.sent == sent {
		return v
	}
	return nil
}

func (c *valueCache) put(r *deploy.Release, sent, out string, found bool) []byte {
	v := &rewritten{r, first(r), strings.Clone(sent), []byte(out), found}
	c.last.Store(v)
	return v.out
}

func first(r *deploy.Release) *deploy.Spelling { return unsafe.SliceData(r.Spellings()) }

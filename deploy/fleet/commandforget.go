package fleet

import (
	"context"
	"fmt"
	"time"
)

// Forget has nothing be committed for a site any more: each host serves what it has, as before the first flip.
// The number of its commits goes on.
func (c *Commander) Forget(ctx context.Context, site string) error {
	kv, err := c.getOne(ctx, c.Keys.Site(site))
	if err != nil {
		return err
	}
	var was Commit
	if kv.Modified > 0 {
		if was, err = decode[Commit](kv); err != nil {
			return err
		}
	}
	if was.Release == "" {
		return fmt.Errorf("nothing is committed for %s: realdocd fleet status lists the sites", site)
	}
	now := Commit{Seq: was.Seq + 1, Before: was.Release, Time: time.Now().Round(0), By: c.By, Verb: "forget"}
	op := put(c.Keys.Site(site), now, 0)
	when := []Condition{{Key: c.Keys.Site(site), Modified: kv.Modified}, {Key: c.Keys.Flip(site)}}
	ok, _, err := c.transact(ctx, when, op, Op{Key: c.Keys.History(site, now.Seq), Value: op.Value})
	if err == nil && !ok {
		err = (&flipping{Commander: c, Flip: Flip{Site: site}}).busy(ctx)
	}
	return err
}

package fleet

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Leave takes an absent host out of the group. Flips do not wait for it any more; if it comes back, it joins anew
// and goes by what is committed.
func (c *Commander) Leave(ctx context.Context, host string) error {
	kvs, err := c.get(ctx, c.Keys.Members())
	if err != nil {
		return err
	}
	var member KV
	var names []string
	for _, kv := range kvs {
		names = append(names, Last(kv.Key))
		if kv.Key == c.Keys.Member(host) {
			member = kv.KV
		}
	}
	if member.Modified == 0 {
		return fmt.Errorf("the group has no host %s: %s", host, has(names))
	}
	when := []Condition{{Key: c.Keys.Member(host), Modified: member.Modified}, {Key: c.Keys.Host(host)}}
	ok, _, err := c.transact(ctx, when,
		Op{Key: c.Keys.Member(host), Remove: true},
		put(c.Keys.Roster(), Roster{Host: host, What: "left", Time: time.Now().Round(0)}, 0))
	if err == nil && !ok {
		err = fmt.Errorf("%[1]s is there: stop it first, on %[1]s: systemctl disable --now realdocd-fleet", host)
	}
	return err
}

func has(names []string) string {
	if len(names) == 0 {
		return "it has none"
	}
	return "it has " + strings.Join(names, ", ")
}

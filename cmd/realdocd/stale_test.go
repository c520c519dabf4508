package main

import (
	"strings"
	"testing"

	"realdocd/gateway/control"
)

func TestStatusShowsASiteWithABrokenLinkFirst(t *testing.T) {
	for name, row := range map[string]struct {
		site control.SiteStatus
		want string
	}{
		"stale": {control.SiteStatus{Name: "shop", Release: "/r/1", Stale: "permission denied"}, "STALE  site shop: the last good release serves"},
		"gone":  {control.SiteStatus{Name: "shop", Release: "/r/1", Stale: "no such file", Gone: true}, "GONE  site shop: its live release was removed"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := (&statusView{}).writeStatus(&out, control.Status{Sites: []control.SiteStatus{row.site}}, nil, noon); err != nil {
				t.Fatal(err)
			}
			trouble := strings.Index(out.String(), row.want)
			if table := strings.Index(out.String(), "POOL"); trouble < 0 || trouble > table {
				t.Errorf("the status is\n%s", &out)
			}
		})
	}
}

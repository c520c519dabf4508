package fleet

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func seen(t *testing.T, key string, v any) seenKV {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return seenKV{KV: KV{Key: key, Value: text, Modified: 1}}
}

func TestAViewSaysWhereEachHostStandsAndWhatIsWrong(t *testing.T) {
	k := NewKeys("/realdocd", "www")
	members, hosts := []seenKV{}, []seenKV{}
	for _, name := range []string{"web1", "web2", "web3", "web4"} {
		members = append(members, seen(t, k.Member(name), Member{Host: name}))
	}
	hosts = append(hosts, seen(t, k.Host("web1"), Presence{Version: "1"}),
		seen(t, k.Host("web2"), Presence{Version: "1", Daemon: "PHP-FPM is down"}),
		seen(t, k.Host("web3"), Presence{Version: "2"}))
	have := []seenKV{
		seen(t, k.Have("shop", "web1"), Have{Live: "43", Seq: 2, State: InStep}),
		seen(t, k.Have("shop", "web2"), Have{Live: "42", Seq: 1, State: Behind, Why: "release 43 is not there"}),
		seen(t, k.Have("shop/one", "web1"), Have{Live: "7", State: InStep}),
	}
	last := []seenKV{seen(t, k.Seen("web4"), time.Now())}
	commits := []seenKV{seen(t, k.Site("shop"), Commit{Seq: 2, Release: "43"})}
	view, err := viewOf("", viewKeys{members: members, seen: last, hosts: hosts, haves: have, commits: commits})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "PHP-FPM is down", "it has realdocd 2, and most hosts have 1", "it is absent since 20"} {
		if wrong := view.Hosts[i].Wrong; (want == "") != (wrong == "") || !strings.Contains(wrong, want) {
			t.Errorf("of %s it says %q, want %q", view.Hosts[i].Host, wrong, want)
		}
	}
	if len(view.Sites) != 2 || view.Sites[0].Site != "shop" || view.Sites[1].Site != "shop/one" {
		t.Fatalf("the sites are %+v", view.Sites)
	}
	shop := view.Sites[0]
	for i, want := range []State{InStep, Behind, NoSite, Absent} {
		if shop.Hosts[i].State != want {
			t.Errorf("%s is %q with shop, want %q", shop.Hosts[i].Host, shop.Hosts[i].State, want)
		}
	}
	if shop.OK() || shop.Commit.Release != "43" || view.Sites[1].Commit != nil {
		t.Errorf("shop is %+v", shop)
	}
}

func TestASiteIsOKOnlyIfEachHostHasGoneByItsCommit(t *testing.T) {
	for _, tt := range []struct {
		hosts []SiteHost
		want  bool
	}{
		{[]SiteHost{{State: InStep, Seq: 2}, {State: InStep, Seq: 2}}, true},
		{[]SiteHost{{State: InStep, Seq: 2}, {State: InStep, Seq: 1}}, false},
		{[]SiteHost{{State: InStep, Seq: 2}, {State: InDoubt, Seq: 2}}, false},
		{[]SiteHost{{State: InStep, Seq: 2}, {State: Absent}}, false},
	} {
		if got := (SiteView{Commit: &Commit{Seq: 2}, Hosts: tt.hosts}).OK(); got != tt.want {
			t.Errorf("%+v: got %v", tt.hosts, got)
		}
	}
	if p := (SiteView{Proposal: &Proposal{Began: time.Unix(100, 0)}}); p.InProgress(time.Unix(160, 0)) != time.Minute || (SiteView{}).InProgress(time.Now()) != 0 {
		t.Error("a flip that goes on is not seen")
	}
}

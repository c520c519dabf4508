package fleet

import (
	"strings"
	"testing"
)

// commits reads a history: "RELEASE" is a flip and "<RELEASE" a rollback.
func commits(text string) (all []Commit) {
	for i, word := range strings.Fields(text) {
		release, rolled := strings.CutPrefix(word, "<")
		c := Commit{Seq: int64(i + 1), Release: release, Hash: "hash of " + release, Verb: "flip"}
		if rolled {
			c.Verb = "rollback"
		}
		all = append(all, c)
	}
	return all
}

func TestARollbackGoesToTheReleaseThatWasCommittedBefore(t *testing.T) {
	for _, tt := range []struct {
		history, missing string
		want, passed     string
	}{
		{"41 42", "", "41", ""},
		{"41 42 43", "", "42", ""},
		{"41 42 43 <42", "", "41", ""},
		{"41 42 43 <42 <41", "", "", ""},
		{"41 42 43 <42 44", "", "42", ""},
		{"41 42 43 43", "", "42", ""},
		{"41 42 41", "", "42", ""},
		{"41 42 43", "42", "41", "42: gone"},
		{"41 42 43", "42 41", "", "42: gone, 41: gone"},
		{"41", "", "", ""},
	} {
		back, ok := wayBack(commits(tt.history), func(c Commit) string {
			if strings.Contains(" "+tt.missing+" ", " "+c.Release+" ") {
				return "gone"
			}
			return ""
		})
		if back.Release != tt.want || ok != (tt.want != "") || strings.Join(back.Passed, ", ") != tt.passed {
			t.Errorf("from %q it goes to %q (%v), and passes %q; want %q and %q", tt.history, back.Release, ok, back.Passed, tt.want, tt.passed)
		}
	}
}

func TestASlotWithOtherContentIsAnotherRelease(t *testing.T) {
	all := commits("A B A")
	all[0].Hash, all[2].Hash = "old", "new"
	back, ok := wayBack(all, func(c Commit) string {
		if c.Hash == "old" {
			return "filled anew"
		}
		return ""
	})
	if !ok || back.Release != "B" {
		t.Errorf("it goes to %+v (%v), want B", back, ok)
	}
}

func TestAReleaseThatHostsDoNotHaveAnyMoreIsPassedOver(t *testing.T) {
	was := Commit{Release: "42", Hash: "X"}
	with := func(releases ...Release) Have { return Have{Releases: releases} }
	keys := NewKeys("/r", "www")
	members := []seenKV{{KV: KV{Key: keys.Member("a")}}, {KV: KV{Key: keys.Member("b")}}, {KV: KV{Key: keys.Member("c")}}}
	for _, tt := range []struct {
		name  string
		have  map[string]Have
		share Share
		gone  []string
		want  string
	}{
		{"all have it", map[string]Have{"a": with(Release{Name: "42", Hash: "X"}), "b": with(Release{Name: "42", Hash: "X"}), "c": with(Release{Name: "42", Hash: "X"})}, Share{}, nil, ""},
		{"one has not", map[string]Have{"a": with(Release{Name: "42", Hash: "X"}), "b": with(), "c": with(Release{Name: "42", Hash: "X"})}, Share{}, nil, "not as it was on b"},
		{"another content", map[string]Have{"a": with(Release{Name: "42", Hash: "Y"}), "b": with(Release{Name: "42", Hash: "X"}), "c": with(Release{Name: "42", Hash: "X"})}, Share{}, nil, "not as it was on a"},
		{"enough have it", map[string]Have{"a": with(Release{Name: "42", Hash: "X"}), "b": with(), "c": with(Release{Name: "42", Hash: "X"})}, Share{Hosts: 2, Of: 3}, nil, ""},
		{"one is gone", map[string]Have{"a": with(Release{Name: "42", Hash: "X"}), "b": with(Release{Name: "42", Hash: "X"})}, Share{}, []string{"c"}, ""},
	} {
		if got := missing(was, members, tt.have, tt.share, tt.gone); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestShareOfHostsIsReadAndRoundedUp(t *testing.T) {
	for _, tt := range []struct {
		text string
		of   map[int]int
	}{
		{"14", map[int]int{16: 14, 10: 14}},
		{"9/10", map[int]int{10: 9, 16: 15, 1: 1, 1000: 900}},
		{"14/16", map[int]int{16: 14}},
		{"90%", map[int]int{16: 15}},
		{"100%", map[int]int{16: 16}},
		{"0", nil},
		{"-1", nil},
		{"10/9", nil},
		{"9/", nil},
		{"half", nil},
		{"", nil},
	} {
		s, err := ParseShare(tt.text)
		if (err != nil) != (tt.of == nil) {
			t.Errorf("%q: error %v", tt.text, err)
		}
		for n, want := range tt.of {
			if got := s.of(n); got != want {
				t.Errorf("%q of %d hosts is %d, want %d", tt.text, n, got, want)
			}
		}
	}
	if got := (Share{}).of(16); got != 16 {
		t.Errorf("no share of 16 hosts is %d", got)
	}
}

// cands reads hosts as "NAME STATE", where STATE is a hash of what was prepared, "no", "busy", "absent",
// "lost" (absent, and off by its own word), "losing" (not yet) or "gone".
func cands(texts ...string) (all []candidate) {
	for _, text := range texts {
		name, state, _ := strings.Cut(text, " ")
		c := candidate{host: name, present: true}
		switch state {
		case "no":
			c.prepared = &Answer{Why: "release 43 is not there"}
		case "busy":
		case "absent", "gone":
			c.present, c.gone = false, state == "gone"
		case "lost":
			c.present, c.lost, c.absent = false, 30*time.Second, time.Minute
		case "losing":
			c.present, c.lost, c.absent = false, 30*time.Second, 32*time.Second
		default:
			c.prepared = &Answer{OK: true, Hash: state}
		}
		all = append(all, c)
	}
	return all
}

func TestWhoTakesPartInAFlip(t *testing.T) {
	for _, tt := range []struct {
		name    string
		members []string
		share   string
		hash    string
		take    string
		fenced  string
		off     string
		wrong   []string // parts of the refusal, none is that it is committed
	}{
		{name: "all have it", members: []string{"a X", "b X", "c X"}, take: "a b c"},
		{name: "one has not", members: []string{"a X", "b no", "c X"}, wrong: []string{"b: release 43 is not there\n", "2 of 3 hosts could flip shop to 43, and 3 have to"}},
		{name: "one has not, and it is enough", members: []string{"a X", "b no", "c X"}, share: "2", take: "a c", fenced: "b"},
		{name: "a share of them", members: []string{"a X", "b no", "c X", "d X"}, share: "3/4", take: "a c d", fenced: "b"},
		{name: "not enough", members: []string{"a X", "b no", "c no"}, share: "2", wrong: []string{"b: ", "c: ", "1 of 3 hosts could flip shop to 43, and 2 have to"}},
		{name: "another content is named with both hashes", members: []string{"a X", "b Y", "c X"}, wrong: []string{"b: its 43 has other content (Y) than that of 2 hosts (X)"}},
		{name: "of two contents that of the command's host counts", members: []string{"a X", "b Y"}, share: "1", take: "b", fenced: "a"},
		{name: "the content that was asked for counts", members: []string{"a X", "b Y", "c X"}, hash: "Y", wrong: []string{"a: its 43 has other content (X) than it has to have (Y)", "c: "}},
		{name: "absent", members: []string{"a X", "b X", "c absent"}, wrong: []string{"c: it is absent, and may serve still what it has", "--gone c"}},
		{name: "absent is not fenced, though enough have it", members: []string{"a X", "b X", "c absent"}, share: "2", wrong: []string{"c: it is absent, and may serve still what it has"}},
		{name: "declared gone", members: []string{"a X", "b X", "c gone"}, take: "a b", off: "c"},
		{name: "declared gone counts for a share", members: []string{"a X", "b X", "c gone"}, share: "3", wrong: []string{"2 of 3 hosts could flip shop to 43, and 3 have to"}},
		{name: "off by its own word", members: []string{"a X", "b X", "c lost"}, share: "2", take: "a b", off: "c"},
		{name: "off by its own word, but all are wanted", members: []string{"a X", "b X", "c lost"}, wrong: []string{"c: it is absent, and not ready by itself 30s after that", "--at-least"}},
		{name: "not off yet", members: []string{"a X", "b X", "c losing"}, share: "2", wrong: []string{"c: it is absent, and not ready by itself 30s after that"}},
		{name: "not prepared in time", members: []string{"a X", "b busy"}, wrong: []string{"b: it has not prepared 43 yet"}},
		{name: "nobody has it", members: []string{"a no", "b no"}, share: "1", wrong: []string{"a: ", "b: "}},
		{name: "all are gone", members: []string{"a gone"}, wrong: []string{"0 of 1 host could flip shop to 43, and 1 have to"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			members := cands(tt.members...)
			var share Share
			if tt.share != "" {
				var err error
				if share, err = ParseShare(tt.share); err != nil {
					t.Fatal(err)
				}
			}
			d := decide(members, "43", tt.hash, "b")
			err := d.refuse("shop", "43", share, members)
			if tt.wrong != nil {
				if err == nil {
					t.Fatal("it is not refused")
				}
				for _, want := range tt.wrong {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q is not in\n%v", want, err)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for what, rows := range map[string][2]string{
				"take part":  {strings.Join(d.take, " "), tt.take},
				"are fenced": {strings.Join(d.fenced, " "), tt.fenced},
				"are off":    {strings.Join(d.off, " "), tt.off},
			} {
				if rows[0] != rows[1] {
					t.Errorf("%q %s, want %q", rows[0], what, rows[1])
				}
			}
		})
	}
}

// Nobody is passed over who could think that it is ready: whatever the hosts say, a flip that is not refused has
// each member among those that promise, those that are off by their own word, and those that were declared gone.
func TestNoMemberIsPassedOverThatMayBeReady(t *testing.T) {
	states := []string{"X", "Y", "no", "busy", "absent", "lost", "losing", "gone"}
	for i := range len(states) * len(states) * len(states) {
		texts := []string{"a " + states[i%8], "b " + states[i/8%8], "c " + states[i/64]}
		for _, share := range []Share{{}, {Hosts: 1}, {Hosts: 2}, {Hosts: 2, Of: 3}} {
			members := cands(texts...)
			d := decide(members, "43", "", "a")
			if d.refuse("shop", "43", share, members) != nil {
				continue
			}
			for _, m := range members {
				safe := slices.Contains(append(d.take, d.fenced...), m.host) || m.gone || m.isOff()
				if !safe {
					t.Errorf("%q with %+v: %s is passed over", texts, share, m.host)
				}
			}
			if len(d.take) < share.of(len(members)-len(d.gone)) {
				t.Errorf("%q with %+v: only %q take part", texts, share, d.take)
			}
		}
	}
}

func TestARefusalNamesEachHostOnLinesOfItsOwn(t *testing.T) {
	var err error = &Refusal{"shop", "43", []Wrong{{"web3", "no 43\nbring it"}, {"web12", "absent"}}, 14, 16, 16}
	want := "web3:  no 43\n       bring it\nweb12: absent\nnothing has changed: 14 of 16 hosts could flip shop to 43, and 16 have to"
	if err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if refusal := (*Refusal)(nil); !errors.As(fmt.Errorf("flip: %w", err), &refusal) {
		t.Error("it is not found as a refusal")
	}
}

package fcgi

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func pair(name, value string) Pair { return Pair{[]byte(name), []byte(value)} }

func TestPairsAreReadAsTheyAreWritten(t *testing.T) {
	long := strings.Repeat("v", 200)
	for _, tt := range []struct {
		name  string
		bytes string
		pair  Pair
	}{
		{"short name, short value", "\x02\x03abxyz", pair("ab", "xyz")},
		{"empty value", "\x02\x00ab", pair("ab", "")},
		{"empty name", "\x00\x01x", pair("", "x")},
		{"127 bytes have a length of one byte", "\x01\x7fn" + long[:127], pair("n", long[:127])},
		{"128 bytes have a length of four", "\x01\x80\x00\x00\x80n" + long[:128], pair("n", long[:128])},
		{"long name", "\x80\x00\x00\xc8\x01" + long + "x", pair(long, "x")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(AppendPair(nil, tt.pair.Name, tt.pair.Value)); got != tt.bytes {
				t.Errorf("written: %q, want %q", got, tt.bytes)
			}
			got, rest, err := NextPair([]byte(tt.bytes + "rest"))
			if err != nil || string(rest) != "rest" {
				t.Fatalf("rest %q, error %v", rest, err)
			}
			if diff := cmp.Diff(tt.pair, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPairsThatAreCutShortAreRefused(t *testing.T) {
	whole := AppendPair(AppendPair(nil, []byte("A"), []byte("1")), []byte("B"), make([]byte, 300))
	for n := 1; n < len(whole); n++ {
		if n == 4 {
			continue // the first pair, whole
		}
		if _, err := ReadPairs(nil, whole[:n]); !errors.Is(err, errShortPair) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

func TestALengthAboveTheLimitIsRefused(t *testing.T) {
	if _, _, err := NextPair([]byte("\xff\xff\xff\xff\x01")); !errors.Is(err, ErrParamsTooLong) {
		t.Error(err)
	}
}

func TestAPairMayStraddleRecordsThatComeIn(t *testing.T) {
	stream := AppendPair(AppendPair(nil, []byte("A"), []byte("first")), []byte("B"), []byte("second"))
	var c Collector
	for _, b := range stream {
		if err := c.Add([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Pairs(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Pair{pair("A", "first"), pair("B", "second")}, got); diff != "" {
		t.Error(diff)
	}
	c.Reset()
	if got, _ := c.Pairs(nil); len(got) != 0 {
		t.Errorf("after Reset: %v", got)
	}
}

func TestParamsAboveTheLimitAreRefused(t *testing.T) {
	var c Collector
	var err error
	for i := 0; i <= MaxParams/MaxContent && err == nil; i++ {
		err = c.Add(make([]byte, MaxContent))
	}
	if !errors.Is(err, ErrParamsTooLong) {
		t.Error(err)
	}
}

func TestParamsGoOutOnPairBoundaries(t *testing.T) {
	var pairs []Pair
	for i := range 300 {
		pairs = append(pairs, Pair{[]byte{'N', byte(i), byte(i >> 8)}, bytes.Repeat([]byte("x"), 7*i)})
	}
	out, err := AppendParams(nil, 5, pairs)
	if err != nil {
		t.Fatal(err)
	}
	var back []Pair
	recs := readAll(t, bytes.NewReader(out))
	for i, rec := range recs {
		if len(rec.Raw)-HeaderLen > MaxContent || rec.ID != 5 || rec.Type != Params {
			t.Errorf("record %d: %v of request %d, %d bytes", i, rec.Type, rec.ID, len(rec.Raw))
		}
		if (len(rec.Content) == 0) != (i == len(recs)-1) {
			t.Errorf("record %d has %d bytes", i, len(rec.Content))
		}
		if back, err = ReadPairs(back, rec.Content); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	if diff := cmp.Diff(pairs, back); diff != "" {
		t.Error(diff)
	}
	if len(recs) < 5 {
		t.Errorf("%d records for 300 kB", len(recs))
	}
}

func TestAPairThatFitsNoRecordIsRefusedByName(t *testing.T) {
	_, err := AppendParams(nil, 1, []Pair{pair("HTTP_COOKIE", strings.Repeat("x", MaxContent))})
	if err == nil || !strings.Contains(err.Error(), "HTTP_COOKIE") {
		t.Error(err)
	}
}

func TestGetValuesAnswersWhatItKnows(t *testing.T) {
	query := AppendPair(AppendPair(nil, []byte("FCGI_MAX_REQS"), nil), []byte("FCGI_MPXS_CONNS"), nil)
	values := func(name []byte) (string, bool) { return "0", string(name) == "FCGI_MPXS_CONNS" }
	got, err := AppendValues(nil, query, values)
	want := "\x01\x0a\x00\x00\x00\x12\x00\x00" + "\x0f\x01FCGI_MPXS_CONNS0"
	if err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := AppendValues(nil, query[:5], values); !errors.Is(err, errShortPair) {
		t.Errorf("a query cut short: %v", err)
	}
}

func TestMessagesOfAnotherLengthAreRefused(t *testing.T) {
	if _, err := ParseBegin(make([]byte, 7)); err == nil {
		t.Error("BEGIN_REQUEST of 7 bytes is taken")
	}
	if _, _, err := ParseEnd(make([]byte, 9)); err == nil {
		t.Error("END_REQUEST of 9 bytes is taken")
	}
	app, status, err := ParseEnd(AppendEnd(nil, 1, 258, Overloaded)[HeaderLen:])
	if app != 258 || status != Overloaded || err != nil {
		t.Error(app, status, err)
	}
}

func FuzzPairs(f *testing.F) {
	f.Add([]byte("\x02\x03abxyz"))
	f.Add(AppendPair(nil, make([]byte, 200), make([]byte, 70000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		pairs, err := ReadPairs(nil, b)
		if err != nil {
			return
		}
		var again []byte
		for _, p := range pairs {
			again = AppendPair(again, p.Name, p.Value)
		}
		back, err := ReadPairs(nil, again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pairs, back); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte("\x00\x01\x01\x00\x00\x00\x00\x00"))
	f.Add(AppendPair(nil, []byte("FCGI_MAX_CONNS"), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if begin, err := ParseBegin(b); err == nil {
			if back, err := ParseBegin(AppendBegin(nil, 1, begin)[HeaderLen:]); err != nil || back != begin {
				t.Errorf("%v, %v; want %v", back, err, begin)
			}
		}
		if app, status, err := ParseEnd(b); err == nil {
			if a, s, err := ParseEnd(AppendEnd(nil, 1, app, status)[HeaderLen:]); a != app || s != status || err != nil {
				t.Error(a, s, err)
			}
		}
		out, err := AppendValues(nil, b, func(name []byte) (string, bool) { return "v", len(name) > 0 })
		if err == nil && len(out) > MaxRecord {
			t.Errorf("an answer of %d bytes", len(out))
		}
	})
}

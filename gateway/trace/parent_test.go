package trace

import (
	"regexp"
	"strings"
	"testing"
)

func TestTraceparentIsReadAsTheRecommendationHasIt(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	const valid = "00-" + trace + "-" + span + "-01"
	for _, row := range []struct {
		name, header string
		ok           bool
	}{
		{"sampled", valid, true},
		{"not sampled", "00-" + trace + "-" + span + "-00", true},
		{"flags of the future", "00-" + trace + "-" + span + "-ff", true},
		{"a later version", "01-" + trace + "-" + span + "-01", true},
		{"a later version with more", "cc-" + trace + "-" + span + "-01-what-the-future-will-be-like", true},
		{"a later version with more that is not told apart", "cc-" + trace + "-" + span + "-01.what", false},
		{"version 00 with more", valid + "-more", false},
		{"version 00 with a dash", valid + "-", false},
		{"version ff", "ff-" + trace + "-" + span + "-01", false},
		{"a version that is no number", ".0-" + trace + "-" + span + "-01", false},
		{"no trace", "00-" + strings.Repeat("0", 32) + "-" + span + "-01", false},
		{"no span", "00-" + trace + "-" + strings.Repeat("0", 16) + "-01", false},
		{"capitals in the trace", "00-" + strings.ToUpper(trace) + "-" + span + "-01", false},
		{"capitals in the span", "00-" + trace + "-" + strings.ToUpper(span) + "-01", false},
		{"flags that are no number", "00-" + trace + "-" + span + "-0.", false},
		{"no dash behind the version", "000" + trace + "-" + span + "-01", false},
		{"no dash behind the trace", "00-" + trace + "0" + span + "-01", false},
		{"no dash behind the span", "00-" + trace + "-" + span + "001", false},
		{"a trace too short", "00-" + trace[1:] + "-" + span + "-01", false},
		{"a trace too long", "00-0" + trace + "-" + span + "-01", false},
		{"two headers, joined", valid + ", " + valid, false},
		{"a blank before", " " + valid, false},
		{"a blank behind", valid + " ", false},
		{"a part of one", valid[:54], false},
		{"nothing", "", false},
	} {
		gotTrace, gotSpan, ok := ParseParent([]byte(row.header))
		if ok != row.ok || ok && (string(gotTrace) != trace || string(gotSpan) != span) {
			t.Errorf("%s: %q gives %q, %q, %v", row.name, row.header, gotTrace, gotSpan, ok)
		}
	}
}

// FuzzTraceparent holds the parser against the grammar.
func FuzzTraceparent(f *testing.F) {
	grammar := regexp.MustCompile(`\A([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}((?s:-.*)?)\z`)
	for _, seed := range []string{
		"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", "00-00000000000000000000000000000000-0000000000000000-00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		var want []string
		m := grammar.FindStringSubmatch(string(header))
		if m != nil && m[1] != "ff" && strings.Trim(m[2], "0") != "" && strings.Trim(m[3], "0") != "" && (m[1] != "00" || m[4] == "") {
			want = m[2:4]
		}
		trace, span, ok := ParseParent(header)
		if ok != (want != nil) || ok && (string(trace) != want[0] || string(span) != want[1]) {
			t.Errorf("%q gives %q, %q, %v, want %q", header, trace, span, ok, want)
		}
	})
}

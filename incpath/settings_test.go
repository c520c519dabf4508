package incpath

import (
	"errors"
	"strings"
	"testing"
)

func TestAppendSettings_OverridesWhatTheTextHas(t *testing.T) {
	for _, row := range []struct{ value, want string }{
		{"", "a=\"1\"\nb=\"\""},
		{"a=2", "a=2\na=\"1\"\nb=\"\""},
		{"a=2\n", "a=2\na=\"1\"\nb=\"\""},
		{"; a comment", "; a comment\na=\"1\"\nb=\"\""},
	} {
		if got, err := AppendSettings(row.value, []Setting{{Key: "a", Value: "1"}, {Key: "b"}}); got != row.want || err != nil {
			t.Errorf("%q becomes %q, %v; want %q", row.value, got, err, row.want)
		}
	}
}

// PHP would pass over what is added, and the worker would keep what another site has set.
func TestAppendSettings_RefusesWherePHPWouldNotReadThem(t *testing.T) {
	for name, row := range map[string]struct {
		value, key, add string
		want            error
	}{
		"a text that ends at a NUL":       {"a=1\x00b=2", "a", "1", ErrUnreadable},
		"a quote that is not closed":      {`a="1`, "a", "1", ErrUnreadable},
		"a section that is not closed":    {"[a", "a", "1", ErrUnreadable},
		"a value with a line's end":       {"a=1", "a", "1\nextension=x", ErrUnquotable},
		"a value with a NUL":              {"a=1", "a", "1\x00", ErrUnquotable},
		"a name that is another text":     {"a=1", "a=1\nb", "2", ErrUnreadable},
		"a name that begins a comment":    {"a=1", ";a", "2", ErrUnreadable},
		"a comment alone, nothing before": {"", ";a", "2", ErrUnreadable},
	} {
		if got, err := AppendSettings(row.value, []Setting{{Key: row.key, Value: row.add}}); !errors.Is(err, row.want) || got != "" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestAppendSettings_SaysWherePHPStops(t *testing.T) {
	_, err := AppendSettings("b=2\na=\"1", []Setting{{Key: "c", Value: "3"}})
	if want := "a quote that is not closed at byte 6"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

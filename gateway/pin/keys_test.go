package pin

import (
	"strings"
	"testing"
)

func TestTheFormerKeyIsBelievedUntilItIsGone(t *testing.T) {
	first, second := "0001 "+strings.Repeat("ab", keyLen)+"\n", "0002 "+strings.Repeat("cd", keyLen)+"\n"
	parse := func(text string) *Keys {
		t.Helper()
		keys, err := ParseKeys([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	before := textOf(t, parse(first), aToken())
	both := parse("# replaced\n\n" + second + first)
	if _, err := both.Verify(before); err != nil {
		t.Errorf("by the former key: %v", err)
	}
	after := textOf(t, both, aToken())
	if _, err := parse(second).Verify(after); err != nil {
		t.Errorf("the current key does not sign: %v", err)
	}
	if _, err := parse(second).Verify(before); err != UnknownKey {
		t.Errorf("by a key that is gone: %v", err)
	}
	if got := parse(string(both.Text())).Text(); string(got) != string(both.Text()) {
		t.Errorf("the file is %q", got)
	}
}

func TestAKeyFileThatIsNoneIsRefusedWithItsLine(t *testing.T) {
	secret := strings.Repeat("ab", keyLen)
	for name, row := range map[string]struct{ text, want string }{
		"empty":        {"# nothing\n", "there is no key"},
		"three":        {"0001 " + secret + "\n0002 " + secret + "\n0003 " + secret, "3 keys"},
		"one id twice": {"0001 " + secret + "\n0001 " + secret, "both keys have the id 0001"},
		"short":        {"\n0001 " + secret[2:], "line 2: want four"},
		"long":         {"0001 " + secret + "ab", "line 1: want four"},
		"odd":          {"0001 " + secret[1:], "line 1: want four"},
		"no id":        {secret, "line 1: want four"},
		"a long id":    {"00001 " + secret, "line 1: want four"},
		"no hex":       {"000x " + secret, "line 1: want four"},
		"one line":     {strings.Repeat("x", 1<<17), "too long"},
	} {
		_, err := ParseKeys([]byte(row.text))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v", name, err)
		} else if strings.Contains(err.Error(), "abab") {
			t.Errorf("%s: the error has a part of the key: %v", name, err)
		}
	}
}

func TestAFingerprintSaysWhoFollowsWhom(t *testing.T) {
	first, second := "0001 "+strings.Repeat("ab", keyLen)+"\n", "0002 "+strings.Repeat("cd", keyLen)+"\n"
	otherID := "0003 " + strings.Repeat("ab", keyLen) + "\n"
	of := func(text string) string {
		t.Helper()
		keys, err := ParseKeys([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return keys.Fingerprint()
	}
	for name, row := range map[string]struct {
		host, signer string
		want         bool
	}{
		"the same key":                  {of(first), of("# copied\n" + first), true},
		"another key":                   {of(first), of(second), false},
		"the same bytes by another id":  {of(first), of(otherID), false},
		"the new key, put second first": {of(first + second), of(second + first), true},
		"who does not have the new one": {of(first), of(second + first), false},
		"who has the new one already":   {of(second + first), of(first), true},
		"who signs nothing":             {of(first), "", true},
		"who has no key":                {"", of(first), false},
		"neither":                       {"", "", true},
	} {
		if got := Believes(row.host, row.signer); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if text := of(first); len(text) != 16 || strings.Contains(text, "abab") {
		t.Errorf("the fingerprint is %q", text)
	}
}

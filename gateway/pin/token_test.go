package pin

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var issued = time.UnixMilli(1_764_221_000_123)

func aToken() *Token {
	return &Token{
		Kind: Page, Site: SiteOf("shop", ""), Release: 0xfedcba9876543210,
		Name: AppendName(nil, "42"), Issued: issued, Note: 7,
	}
}

func textOf(t testing.TB, keys *Keys, token *Token) []byte {
	t.Helper()
	text, ok := keys.Append(nil, token)
	if !ok {
		t.Fatal("the token has no text")
	}
	return text
}

func TestATokenIsReadAsItWasMade(t *testing.T) {
	keys := NewKeys()
	preview := aToken()
	preview.Kind, preview.Lasts, preview.Name = Preview, time.Hour, AppendName(nil, "a release/ö~")
	for _, want := range []*Token{aToken(), preview} {
		text := textOf(t, keys, want)
		got, err := keys.Verify(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, &got); diff != "" {
			t.Errorf("(-made +read):\n%s", diff)
		}
	}
	if text := textOf(t, keys, aToken()); !bytes.HasSuffix(text, []byte(".42")) || len(text) != textLen+3 {
		t.Errorf("the text is %q", text)
	}
	if name := string(AppendName(nil, "a b/ö~")); name != "a~20b~2F~C3~B6~7E" {
		t.Errorf("the name is %q", name)
	}
}

// Whatever byte of a token is another, it is not followed.
func TestNoBitOfATokenCanBeChanged(t *testing.T) {
	keys := NewKeys()
	text := textOf(t, keys, aToken())
	for i := range text {
		for bit := range 8 {
			forged := bytes.Clone(text)
			forged[i] ^= 1 << bit
			if _, err := keys.Verify(forged); err == nil {
				t.Fatalf("bit %d of byte %d does not matter", bit, i)
			}
		}
	}
}

func TestATokenThatIsNoneIsToldFromOneThatIsForged(t *testing.T) {
	keys, other := NewKeys(), NewKeys()
	for other.current.id == keys.current.id {
		other = NewKeys()
	}
	text := string(textOf(t, keys, aToken()))
	newer := []byte(text)
	body, _ := base64.RawURLEncoding.DecodeString(text[:textLen])
	body[0] = 2
	base64.RawURLEncoding.Encode(newer, body)
	unknown := aToken()
	unknown.Kind = Candidate + 1
	for name, row := range map[string]struct {
		text string
		want Fault
	}{
		"nothing":                {"", Malformed},
		"8 KiB":                  {strings.Repeat("a", 8<<10), TooLong},
		"one byte too long":      {text[:textLen+1] + strings.Repeat("a", maxName+1), TooLong},
		"truncated":              {text[:len(text)-10], Malformed},
		"without a name":         {text[:textLen+1], Malformed},
		"another name":           {text[:textLen+1] + "43", Forged},
		"a longer name":          {text + "0", Forged},
		"a name with a space":    {text + " ", Malformed},
		"a newline in it":        {text[:10] + "\n" + text[11:], Malformed},
		"no base64":              {strings.Repeat("!", textLen) + ".42", Malformed},
		"of a newer version":     {string(newer), Malformed},
		"of a kind that is new":  {string(textOf(t, keys, unknown)), Malformed},
		"of somebody else's key": {string(textOf(t, other, aToken())), UnknownKey},
		"of nobody's key":        {base64.RawURLEncoding.EncodeToString(append(append(body[:0:0], 1, 1), make([]byte, bodyLen-2)...)) + ".42", UnknownKey},
	} {
		if _, err := keys.Verify([]byte(row.text)); err != row.want {
			t.Errorf("%s: got %v, want %v", name, err, row.want)
		}
	}
}

func TestATokenIsOfOneSiteAndHasAnEnd(t *testing.T) {
	site, preview := aToken().Site, aToken()
	preview.Lasts = 2 * time.Hour
	for name, row := range map[string]struct {
		token *Token
		site  Site
		after time.Duration
		want  error
	}{
		"at once":                       {aToken(), site, 0, nil},
		"by a clock that is behind":     {aToken(), site, -aheadOf, nil},
		"by one that is far behind":     {aToken(), site, -aheadOf - time.Millisecond, Expired},
		"a moment before its end":       {aToken(), site, time.Hour - time.Millisecond, nil},
		"at its end":                    {aToken(), site, time.Hour, Expired},
		"with an end of its own":        {preview, site, 2*time.Hour - time.Millisecond, nil},
		"at that":                       {preview, site, 2 * time.Hour, Expired},
		"another site":                  {aToken(), SiteOf("blog", ""), 0, OtherSite},
		"another tenant of the pattern": {aToken(), SiteOf("shop", "b"), 0, OtherSite},
	} {
		if err := row.token.Check(row.site, issued.Add(row.after), time.Hour); err != row.want {
			t.Errorf("%s: got %v, want %v", name, err, row.want)
		}
	}
	if SiteOf("a", "b") == SiteOf("ab", "") {
		t.Error("two sites are one")
	}
}

func TestANameThatIsTooLongHasNoToken(t *testing.T) {
	long := aToken()
	long.Name = bytes.Repeat([]byte("a"), maxName+1)
	if text, ok := NewKeys().Append([]byte("x"), long); ok || string(text) != "x" {
		t.Errorf("got %q, %v", text, ok)
	}
	long.Name = long.Name[1:]
	keys := NewKeys()
	if _, err := keys.Verify(textOf(t, keys, long)); err != nil {
		t.Errorf("the longest name: %v", err)
	}
}

// A flood of forged tokens costs no memory either.
func TestVerifyAndAppendAllocateNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector has pools forget at random, and what they forget is allocated anew")
	}
	keys := NewKeys()
	token := aToken()
	text := textOf(t, keys, token)
	forged := bytes.Clone(text)
	forged[textLen-1] ^= 1
	place := make([]byte, 0, MaxLen)
	for name, do := range map[string]func(){
		"a good one":   func() { keys.Verify(text) },
		"a forged one": func() { keys.Verify(forged) },
		"a long one":   func() { keys.Verify(place[:cap(place)]) },
		"the site":     func() { SiteOf("shop", "") },
		"the check":    func() { token.Check(token.Site, issued, time.Hour) },
		"making one":   func() { keys.Append(place, token) },
	} {
		if n := testing.AllocsPerRun(1000, do); n >= 1 { // below it is a pool that the collector has emptied
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	keys := NewKeys()
	text := textOf(b, keys, aToken())
	forged := bytes.Clone(text)
	forged[textLen-1] ^= 1
	for name, text := range map[string][]byte{"good": text, "forged": forged} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				keys.Verify(text)
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	keys, token, place := NewKeys(), aToken(), make([]byte, 0, MaxLen)
	b.ReportAllocs()
	for b.Loop() {
		keys.Append(place, token)
	}
}

func FuzzVerify(f *testing.F) {
	keys, err := ParseKeys([]byte("0001 " + strings.Repeat("07", keyLen)))
	if err != nil {
		f.Fatal(err)
	}
	text := textOf(f, keys, aToken())
	f.Add(text)
	f.Add(text[:len(text)-1])
	f.Add([]byte(strings.Repeat("A", textLen) + ".x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		token, err := keys.Verify(text)
		if fault := Fault(0); err != nil && (!errors.As(err, &fault) || fault.Error() == "") {
			t.Fatalf("the error is %v", err)
		}
		if err == nil && !bytes.Equal(textOf(t, keys, &token), text) {
			t.Fatalf("%q was not made by Append", text)
		}
	})
}

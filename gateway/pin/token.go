package pin

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

const (
	version   = 1
	signedLen = 32                   // the bytes that are signed, beside the name
	sumLen    = 16                   // of the signature
	bodyLen   = signedLen + sumLen   // all of them
	textLen   = bodyLen / 3 * 4      // in base64
	minLen    = textLen + 1 + 1      // with a name of one byte
	MaxLen    = 512                  // of a token, in bytes
	maxName   = MaxLen - textLen - 1 // of the name in it
	maxLasts  = time.Duration(1<<32-1) * time.Second
)

// A Kind says what a token is for.
type Kind uint8

// The kinds. Page keeps what a page asks for on the page's release. Preview shows a release
// that is not live, and Candidate keeps a visitor on the release that a draw has given him:
// both also hold for the pages that the visitor goes to. A kind that is not known here is not
// followed.
const (
	Page Kind = 1 + iota
	Preview
	Candidate
)

// Leads says whether pages that a visitor goes to follow such a token, whatever the site says.
func (k Kind) Leads() bool { return k == Preview || k == Candidate }

// A Site stands for a site or one of its tenants, by SiteOf.
type Site [8]byte

// A Token says which release of a site a client is kept on.
type Token struct {
	Kind Kind
	Site Site
	// Release stands for the way from the link to the release; see deploy.Release.Tag.
	Release uint64
	// Name is the release's, as AppendName writes it. Of a token that was verified it is a
	// part of the text.
	Name []byte
	// Issued is when the token was made. It has milliseconds.
	Issued time.Time
	// Lasts is how long it holds, in whole seconds; 0 leaves that to whoever verifies.
	Lasts time.Duration
	// Note is what the kind needs, such as the number of a draw; else 0.
	Note uint16
}

// Ends is when the token ends; maxAge is how long one holds that does not say.
func (t *Token) Ends(maxAge time.Duration) time.Time {
	if t.Lasts > 0 {
		maxAge = t.Lasts
	}
	return t.Issued.Add(maxAge)
}

// aheadOf is how far the clock of another host may be ahead of ours.
const aheadOf = time.Minute

// Check says why a token that was verified is not to be followed now, for a site: OtherSite
// or Expired; nil if it is.
func (t *Token) Check(site Site, now time.Time, maxAge time.Duration) error {
	switch {
	case t.Site != site:
		return OtherSite
	case !now.Before(t.Ends(maxAge)), t.Issued.After(now.Add(aheadOf)):
		return Expired
	}
	return nil
}

// Append appends the token's text to dst, signed by the current key. A token whose name is
// too long has none: ok is false then, and dst as it was.
func (k *Keys) Append(dst []byte, t *Token) (_ []byte, ok bool) {
	if len(t.Name) == 0 || len(t.Name) > maxName {
		return dst, false
	}
	var body [bodyLen]byte
	body[0], body[1] = version, byte(t.Kind)
	binary.BigEndian.PutUint16(body[2:], k.current.id)
	copy(body[4:12], t.Site[:])
	binary.BigEndian.PutUint64(body[12:], t.Release)
	var issued [8]byte
	binary.BigEndian.PutUint64(issued[:], uint64(t.Issued.UnixMilli()))
	copy(body[20:26], issued[2:])
	binary.BigEndian.PutUint32(body[26:], uint32(min(max(t.Lasts, 0), maxLasts)/time.Second))
	binary.BigEndian.PutUint16(body[30:], t.Note)
	k.current.sum((*[signedLen]byte)(body[:]), t.Name, (*[sumLen]byte)(body[signedLen:]))
	dst = base64.RawURLEncoding.AppendEncode(dst, body[:])
	return append(append(dst, '.'), t.Name...), true
}

// Verify reads a token's text. The error is a Fault, and says why it is none of ours. What it
// gives refers to text. Whether it is to be followed, Check tells.
func (k *Keys) Verify(text []byte) (t Token, err error) {
	switch {
	case len(text) > MaxLen:
		return t, TooLong
	case len(text) < minLen || text[textLen] != '.' || !isName(text[textLen+1:]):
		return t, Malformed
	}
	var body [bodyLen]byte
	if n, err := base64.RawURLEncoding.Decode(body[:], text[:textLen]); err != nil || n != bodyLen || body[0] != version {
		return t, Malformed
	}
	with := k.byID(binary.BigEndian.Uint16(body[2:]))
	if with == nil {
		return t, UnknownKey
	}
	name := text[textLen+1:]
	var sum [sumLen]byte
	with.sum((*[signedLen]byte)(body[:]), name, &sum)
	if subtle.ConstantTimeCompare(sum[:], body[signedLen:]) != 1 {
		return t, Forged
	}
	t.Kind = Kind(body[1])
	copy(t.Site[:], body[4:12])
	t.Release = binary.BigEndian.Uint64(body[12:])
	var issued [8]byte
	copy(issued[2:], body[20:26])
	t.Issued = time.UnixMilli(int64(binary.BigEndian.Uint64(issued[:])))
	t.Lasts = time.Duration(binary.BigEndian.Uint32(body[26:])) * time.Second
	t.Note = binary.BigEndian.Uint16(body[30:])
	t.Name = name
	if t.Kind < Page || t.Kind > Candidate {
		return Token{}, Malformed // of a newer version
	}
	return t, nil
}

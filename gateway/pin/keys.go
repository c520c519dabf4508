package pin

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"
)

// keyLen is the length of a key, in bytes.
const keyLen = 32

// Keys are what tokens are signed by. The current one signs, and both verify, so that
// the former one can be replaced without a token that is lost. They may be used by many
// goroutines.
type Keys struct {
	current, former *key // former may be nil
}

type key struct {
	id    uint16
	macs  sync.Pool // of *mac
	bytes [keyLen]byte
}

// A mac has what one signature needs, so that none allocates.
type mac struct {
	hash   hash.Hash
	signed [signedLen]byte
	name   [maxName]byte
	out    [sha256.Size]byte
}

func newKey(id uint16, secret [keyLen]byte) *key {
	k := &key{id: id, bytes: secret}
	k.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, k.bytes[:])} }
	return k
}

// sum puts the signature of a token into out.
func (k *key) sum(signed *[signedLen]byte, name []byte, out *[sumLen]byte) {
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	m.signed = *signed
	n := copy(m.name[:], name)
	m.hash.Reset()
	m.hash.Write(m.signed[:])
	m.hash.Write(m.name[:n])
	copy(out[:], m.hash.Sum(m.out[:0]))
}

func (k *Keys) byID(id uint16) *key {
	switch {
	case id == k.current.id:
		return k.current
	case k.former != nil && id == k.former.id:
		return k.former
	}
	return nil
}

// NewKeys makes a current key of random bytes.
func NewKeys() *Keys {
	var id [2]byte
	var secret [keyLen]byte
	rand.Read(id[:]) // it never fails
	rand.Read(secret[:])
	return &Keys{current: newKey(binary.BigEndian.Uint16(id[:]), secret)}
}

// ParseKeys reads the text of a key file: the current key and, if there is a second line, the
// former one. A line is the id, four hexadecimal digits, a space, and the key, 64 of them.
// Lines that are empty, or begin with "#", say nothing. An error never has a part of a key.
func ParseKeys(text []byte) (*Keys, error) {
	var found []*key
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		found = append(found, k)
	}
	switch {
	case lines.Err() != nil:
		return nil, errors.New("a line is too long for a key")
	case len(found) == 0:
		return nil, errors.New("there is no key in it: remove the file, so that realdocd makes one")
	case len(found) > 2:
		return nil, fmt.Errorf("there are %d keys in it: leave the current one and the former one, in this order", len(found))
	case len(found) == 2 && found[0].id == found[1].id:
		return nil, fmt.Errorf("both keys have the id %04x: give the new one another", found[0].id)
	}
	keys := &Keys{current: found[0]}
	if len(found) == 2 {
		keys.former = found[1]
	}
	return keys, nil
}

func parseKey(line string) (*key, error) {
	const want = "want four hexadecimal digits, a space, and 64 of them"
	id, secret, ok := strings.Cut(line, " ")
	if !ok || len(id) != 4 {
		return nil, errors.New(want)
	}
	number, err := strconv.ParseUint(id, 16, 16)
	if err != nil {
		return nil, errors.New(want)
	}
	b, err := hex.DecodeString(strings.TrimSpace(secret))
	if err != nil || len(b) != keyLen {
		return nil, errors.New(want)
	}
	return newKey(uint16(number), [keyLen]byte(b)), nil
}

// Text is the keys as ParseKeys reads them.
func (k *Keys) Text() []byte {
	text := []byte("# The keys of pins, see realdocd-pins(7). The first one signs, and both are believed.\n")
	for _, one := range []*key{k.current, k.former} {
		if one != nil {
			text = fmt.Appendf(text, "%04x %x\n", one.id, one.bytes)
		}
	}
	return text
}

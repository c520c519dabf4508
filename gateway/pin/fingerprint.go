package pin

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Fingerprint stands for the keys where they may not be seen: that of the current one, and of the
// former one behind "+". Who has a fingerprint has no part of a key.
func (k *Keys) Fingerprint() string {
	text := k.current.fingerprint()
	if k.former != nil {
		text += "+" + k.former.fingerprint()
	}
	return text
}

func (k *key) fingerprint() string {
	h := sha256.New()
	h.Write([]byte("realdocd: the fingerprint of a key of pins\x00"))
	h.Write([]byte{byte(k.id >> 8), byte(k.id)})
	h.Write(k.bytes[:])
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Believes says whether a host with the keys of one fingerprint follows what a host with those of
// another signs. One that has no keys yet ("") signs nothing, and believes nothing.
func Believes(host, signer string) bool {
	current, _, _ := strings.Cut(signer, "+")
	for one := range strings.SplitSeq(host, "+") {
		if one == current {
			return true
		}
	}
	return current == ""
}

package conf

import (
	"strings"
	"time"

	"realdocd/gateway"
)

// pinRule says what follows a pin.
var pinRule = choice[gateway.PinRule]{{"off", gateway.PinOff}, {"page", gateway.PinPage}, {"visit", gateway.PinVisit}}

// maxPinAge is as long as a browser keeps a cookie at the most, and longer than anybody keeps
// a release.
const maxPinAge = 400 * 24 * time.Hour

func pinAge(v any) (time.Duration, error) {
	d, err := duration(v)
	if err == nil && (d < time.Second || d > maxPinAge) {
		return 0, wanted(`a duration from "1s" to "9600h"`, v)
	}
	return d, err
}

// cookieName reads the name of a cookie: a token of RFC 6265.
func cookieName(v any) (string, error) {
	s, ok := v.(string)
	if !ok || s == "" || strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	}) {
		return "", wanted(`the name of a cookie, such as "shop_release", or "none"`, v)
	}
	return s, nil
}

// checkPins refuses pins that no key could be kept for.
func (d *document) checkPins() {
	g := &d.config.Gateway
	if g.PinKeyFile != "" || g.StateDir != "" {
		return
	}
	for _, site := range g.Sites {
		if at := []string{"site", site.Name, "pin"}; site.Pin != gateway.PinOff && !d.isExcused(at) {
			d.fault(at, `pins are signed by a key that has to survive a restart, and state_dir is "": set state_dir, or pin_key_file`)
		}
	}
}

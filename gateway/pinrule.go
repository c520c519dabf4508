package gateway

// A PinRule says which requests of a site follow a pin to its release.
type PinRule int

// The rules. By PinPage pages are those of the live release, and what a page asks for comes
// from the page's; by PinVisit the pages that a visitor goes to follow, too.
const (
	PinOff PinRule = iota
	PinPage
	PinVisit
)

// NoCookie is the [SiteConfig.PinCookie] of a site whose pins are in headers and URLs alone.
const NoCookie = "none"

// The default names. Browsers take a cookie with the prefix from this host alone, over https.
const (
	secureCookie = "__Host-release"
	plainCookie  = "release"
)

// cookieName is the name of the cookie, in a request over https or not; "" for none.
func (c *SiteConfig) cookieName(secure bool) string {
	switch {
	case c.PinCookie == NoCookie:
		return ""
	case c.PinCookie != "":
		return c.PinCookie
	case secure:
		return secureCookie
	}
	return plainCookie
}

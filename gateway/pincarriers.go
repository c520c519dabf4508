package gateway

import (
	"bytes"
	"net/http"
)

// A carrier is where a request has a pin: in a header, in its query, or in a cookie.
type carrier int

// The carriers, the one that is asked first at the beginning. A page whose code sends the
// header stays on its release whatever the cookie says, which all tabs of a browser share.
const (
	noCarrier carrier = iota
	byHeader
	byQuery
	byCookie
)

const (
	// pinArgument is the query argument. PHP sees the query as it came.
	pinArgument = "_release="
	// maxPinCookies bounds how many cookies of the name are looked at: a browser sends more
	// than one if another host of the domain has set one too.
	maxPinCookies = 4
)

// A sent pin is one that a request has, as it came.
type sentPin struct {
	by   carrier
	text []byte
}

// carried is what a request says of pins. Its texts are parts of the params.
type carried struct {
	pins      [2 + maxPinCookies]sentPin // in the order in which they are tried
	n         int
	navigates bool // a page is loaded into a tab
	secure    bool // the visitor's connection is https
}

func (c *carried) add(by carrier, text []byte) {
	if len(text) > 0 && c.n < len(c.pins) {
		c.pins[c.n] = sentPin{by, text}
		c.n++
	}
}

// readCarried reads what a request has of pins.
func (rq *request) readCarried(c *carried) {
	var header, query, cookies, dest, purpose, accept, with []byte
	for i := range rq.pairs {
		p := &rq.pairs[i]
		switch string(p.Name) {
		case "HTTP_X_RELEASE_PIN":
			header = p.Value
		case "QUERY_STRING":
			query = p.Value
		case "HTTP_COOKIE":
			cookies = p.Value
		case "HTTP_SEC_FETCH_DEST":
			dest = p.Value
		case "HTTP_SEC_PURPOSE", "HTTP_PURPOSE":
			purpose = p.Value
		case "HTTP_ACCEPT":
			accept = p.Value
		case "HTTP_X_REQUESTED_WITH":
			with = p.Value
		case "HTTPS":
			c.secure = c.secure || isOn(p.Value)
		case "REQUEST_SCHEME":
			c.secure = c.secure || string(p.Value) == "https"
		}
	}
	c.navigates = navigates(rq.value(rq.cgi.requestMethod), dest, purpose, accept, with)
	c.add(byHeader, header)
	if text := argumentOf(query); len(text) > 0 {
		c.add(byQuery, text)
	} else if rq.tellsRelease() {
		c.add(byQuery, argumentOf(rq.askedQuery()))
	}
	if name := rq.site.cookieName(c.secure); name != "" {
		c.addCookies(cookies, name)
	}
}

func isOn(v []byte) bool { return len(v) > 0 && !bytes.EqualFold(v, []byte("off")) }

// navigates says whether a request loads a page into a tab, rather than what a page asks for.
// A client that does not say (Fetch Metadata is for https and localhost) is believed by what
// it accepts. What is loaded ahead of time belongs to the page that has it loaded.
func navigates(method, dest, purpose, accept, requestedWith []byte) bool {
	switch {
	case string(method) != http.MethodGet && string(method) != http.MethodHead, len(purpose) > 0:
		return false
	case len(dest) > 0:
		return string(dest) == "document"
	}
	return len(requestedWith) == 0 && bytes.Contains(accept, []byte("text/html"))
}

// argumentOf is the pin in a query; nil if it has none.
func argumentOf(query []byte) []byte {
	for at := 0; ; {
		i := bytes.Index(query[at:], []byte(pinArgument))
		if i < 0 {
			return nil
		}
		begin := at + i
		at = begin + len(pinArgument)
		if begin > 0 && query[begin-1] != '&' {
			continue
		}
		text := query[at:]
		if end := bytes.IndexByte(text, '&'); end >= 0 {
			text = text[:end]
		}
		return text
	}
}

// addCookies adds the first few cookies of a name.
func (c *carried) addCookies(cookies []byte, name string) {
	for len(cookies) > 0 && c.n < len(c.pins) {
		cookie := cookies
		if end := bytes.IndexByte(cookies, ';'); end >= 0 {
			cookie, cookies = cookies[:end], cookies[end+1:]
		} else {
			cookies = nil
		}
		for len(cookie) > 0 && cookie[0] == ' ' {
			cookie = cookie[1:]
		}
		if len(cookie) > len(name) && cookie[len(name)] == '=' && string(cookie[:len(name)]) == name {
			c.add(byCookie, cookie[len(name)+1:])
		}
	}
}

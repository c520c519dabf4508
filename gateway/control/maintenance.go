package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// MaxPage is the longest page of a maintenance, in bytes: each request gets a copy.
const MaxPage = 128 << 10

// A Maintenance says that visitors of a site get a page with the status 503, and that
// nothing of theirs runs in PHP.
type Maintenance struct {
	// Docroot is the one that it is for, if the site's is a pattern; "" is the whole site.
	Docroot string `json:"docroot,omitempty"`
	// Since is when it began. Until is what visitors are told (Retry-After): it does not
	// end by itself. The zero time tells them nothing.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Allow are the networks whose visitors see the site.
	Allow []Network `json:"allow,omitempty"`
	// Page is the page. A status does not have it, but PageBytes, its length.
	Page      []byte `json:"page,omitempty"`
	PageBytes int    `json:"page_bytes"`
}

// A Network is an address, or some, such as 203.0.113.0/24.
type Network struct{ netip.Prefix }

// Equal says whether two are the same.
func (n Network) Equal(other Network) bool { return n.Prefix == other.Prefix }

// Check says what is wrong with it; nil if it can be put to work.
func (m *Maintenance) Check() error {
	switch kind := http.DetectContentType(m.Page); {
	case len(m.Page) == 0:
		return errors.New("the page is empty")
	case len(m.Page) > MaxPage:
		return fmt.Errorf("the page has %d bytes, and may have %d: let the web server serve its images", len(m.Page), MaxPage)
	case kind != htmlType && kind != textType:
		return fmt.Errorf("the page is %s: give a page of HTML or text", kind)
	}
	return nil
}

const (
	htmlType = "text/html; charset=utf-8"
	textType = "text/plain; charset=utf-8"
)

// Allows says whether a visitor's address is one of those who see the site.
func (m *Maintenance) Allows(visitor string) bool {
	addr, err := netip.ParseAddr(visitor)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(m.Allow, func(n Network) bool { return n.Contains(addr) })
}

// Status is it without the page.
func (m Maintenance) Status() Maintenance {
	m.PageBytes, m.Page = len(m.Page), nil
	return m
}

// BeginMaintenance has a site, or a docroot of a pattern, answer with the page of m.
func (c *Client) BeginMaintenance(ctx context.Context, at SiteAddress, m Maintenance) (SiteStatus, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return SiteStatus{}, fmt.Errorf("write the maintenance: %w", err)
	}
	return ask[SiteStatus](ctx, c, http.MethodPost, at.path("/maintenance"), text...)
}

// EndMaintenance lets visitors in again.
func (c *Client) EndMaintenance(ctx context.Context, at SiteAddress) (SiteStatus, error) {
	return ask[SiteStatus](ctx, c, http.MethodPost, at.path("/maintenance/end"))
}

func (h *Handler) beginMaintenance(r *http.Request) (any, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 2*MaxPage)) // base64, and what is around it
	if err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "read the maintenance: %w", err)
	}
	r.ContentLength = 0
	q, err := parameters(r, "docroot")
	if err != nil {
		return nil, err
	}
	var m Maintenance
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "read the maintenance, of at most %d bytes: %w", 2*MaxPage, err)
	}
	m.Docroot = q["docroot"]
	if err := m.Check(); err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "%w", err)
	}
	st, err := h.daemon.Maintain(r.PathValue("site"), q["docroot"], &m)
	return st, siteError(err)
}

func (h *Handler) endMaintenance(r *http.Request) (any, error) {
	q, err := parameters(r, "docroot")
	if err != nil {
		return nil, err
	}
	st, err := h.daemon.Maintain(r.PathValue("site"), q["docroot"], nil)
	return st, siteError(err)
}

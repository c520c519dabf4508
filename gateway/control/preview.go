package control

import (
	"context"
	"net/http"
	"time"
)

// A PreviewLink is what puts one browser on a release.
type PreviewLink struct {
	// Token is the value of the query argument _release, and Ends when it does.
	Token string    `json:"token"`
	Ends  time.Time `json:"ends"`
}

// Preview gives a token that puts one browser on a release for a time.
func (c *Client) Preview(ctx context.Context, at SiteAddress, release string, lasts time.Duration) (PreviewLink, error) {
	return ask[PreviewLink](ctx, c, http.MethodPost, at.path("/preview", "release", release, "for", lasts.String()))
}

func (h *Handler) preview(r *http.Request) (any, error) {
	q, err := releaseParameters(r, "for")
	if err != nil {
		return nil, err
	}
	lasts, err := limitOf(q, "for")
	if err != nil {
		return nil, err
	}
	if lasts < time.Second || lasts > MaxPreview {
		return nil, apiErrorf(http.StatusBadRequest, "for: want a duration from 1s to %s, not %s", MaxPreview, lasts)
	}
	link, err := h.daemon.Preview(r.PathValue("site"), q["docroot"], q["release"], lasts)
	return link, siteError(err)
}

// MaxPreview is the longest time that a preview may last.
const MaxPreview = 30 * 24 * time.Hour

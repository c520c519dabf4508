package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"realdocd/deploy"
)

// flippers are the commands that say that they have flipped a link.
var flippers = []string{"flip", "rollback", "deploy", KindCanary, "fleet", "catch-up"}

func (h *Handler) site(r *http.Request) (any, error) {
	q, err := parameters(r, "docroot")
	if err != nil {
		return nil, err
	}
	d, err := h.daemon.Site(r.PathValue("site"), q["docroot"])
	return d, siteError(err)
}

func (h *Handler) look(r *http.Request) (any, error) {
	q, err := parameters(r, "docroot", "by")
	if err != nil {
		return nil, err
	}
	if by := q["by"]; by != "" && !slices.Contains(flippers, by) {
		return nil, apiErrorf(http.StatusBadRequest, "by: want one of %s, not %q", strings.Join(flippers, ", "), by)
	}
	d, err := h.daemon.Look(r.PathValue("site"), q["docroot"], q["by"])
	return d, siteError(err)
}

func (h *Handler) drain(r *http.Request) (any, error) {
	q, err := releaseParameters(r, "timeout", "pins")
	if err != nil {
		return nil, err
	}
	pins := cmp.Or(Pins(q["pins"]), PinsEnd)
	if pins != PinsEnd && pins != PinsWait {
		return nil, apiErrorf(http.StatusBadRequest, "pins: want %q or %q, not %q", PinsEnd, PinsWait, pins)
	}
	limit, err := limitOf(q, "timeout")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	site := r.PathValue("site")
	left, err := h.daemon.DrainRelease(ctx, site, q["docroot"], q["release"], pins)
	switch {
	case err == nil:
		d, err := h.daemon.Site(site, q["docroot"])
		return d, siteError(err)
	case errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
		text := fmt.Sprintf("release %s did not drain within %s", q["release"], limit)
		if err != context.DeadlineExceeded { // but why it cannot be told who is left
			text += fmt.Sprintf(": %v", err)
		}
		return nil, &apiError{http.StatusConflict, &BusyError{text, left}}
	}
	return nil, siteError(err)
}

func (h *Handler) warm(r *http.Request) (any, error) {
	q, err := releaseParameters(r)
	if err != nil {
		return nil, err
	}
	results, err := h.daemon.Warm(r.Context(), r.PathValue("site"), q["docroot"], q["release"])
	return results, siteError(err)
}

func (h *Handler) headroom(r *http.Request) (any, error) {
	q, err := releaseParameters(r)
	if err != nil {
		return nil, err
	}
	room, err := h.daemon.Headroom(r.Context(), r.PathValue("site"), q["docroot"], q["release"])
	return room, siteError(err)
}

func (h *Handler) compile(r *http.Request) (any, error) {
	q, err := releaseParameters(r)
	if err != nil {
		return nil, err
	}
	results, err := h.daemon.Compile(r.Context(), r.PathValue("site"), q["docroot"], q["release"])
	return results, siteError(err)
}

func (h *Handler) room(r *http.Request) (any, error) {
	q, err := parameters(r, "docroot")
	if err != nil {
		return nil, err
	}
	results, err := h.daemon.MakeRoom(r.Context(), r.PathValue("site"), q["docroot"])
	return results, siteError(err)
}

func (h *Handler) forget(r *http.Request) (any, error) {
	q, err := releaseParameters(r)
	if err != nil {
		return nil, err
	}
	results, err := h.daemon.Forget(r.Context(), r.PathValue("site"), q["docroot"], q["release"])
	return results, siteError(err)
}

// siteError gives an error of the [Daemon] its HTTP status.
func siteError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoSite):
		return &apiError{http.StatusNotFound, err}
	case errors.Is(err, deploy.ErrLive):
		return &apiError{http.StatusConflict, fmt.Errorf("%w: flip to another first", err)}
	}
	return &apiError{http.StatusConflict, err}
}

// releaseParameters reads parameters of which one has to be a release.
func releaseParameters(r *http.Request, more ...string) (map[string]string, error) {
	q, err := parameters(r, append(more, "docroot", "release")...)
	if err == nil && !strings.HasPrefix(q["release"], "/") {
		err = apiErrorf(http.StatusBadRequest, "release: want the absolute path of a directory, not %q", q["release"])
	}
	return q, err
}

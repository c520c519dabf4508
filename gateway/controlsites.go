package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"realdocd/deploy"
)

// siteControls are what the control API asks of the Server about releases.
type siteControls interface {
	Site(name, docroot string) (SiteDetail, error)
	Look(name, docroot, by string) (SiteDetail, error)
	DrainRelease(ctx context.Context, name, docroot, release string) ([]Occupant, error)
	Warm(ctx context.Context, name, docroot, release string) ([]WarmResult, error)
	Headroom(ctx context.Context, name, docroot, release string) (Headroom, error)
}

// siteAPI answers what is below /v1/sites.
type siteAPI struct{ sites siteControls }

func (s *Server) siteRoutes() []route {
	a := siteAPI{s}
	return []route{
		{http.MethodGet, "/v1/sites/{site}", endpoint(a.show)},
		{http.MethodPost, "/v1/sites/{site}/look", endpoint(a.look)},
		{http.MethodPost, "/v1/sites/{site}/drain", s.waits.movable(a.drain)},
		{http.MethodPost, "/v1/sites/{site}/warm", endpoint(a.warm)},
		{http.MethodPost, "/v1/sites/{site}/headroom", endpoint(a.headroom)},
		{http.MethodPost, "/v1/sites/{site}/enter", http.HandlerFunc(s.enter)},
		s.viewRoute(),
	}
}

// flippers may say that they have flipped a link.
var flippers = []string{"flip", "rollback", "deploy"}

func (a siteAPI) show(r *http.Request) (any, error) {
	q, err := parameters(r, "docroot")
	if err != nil {
		return nil, err
	}
	d, err := a.sites.Site(r.PathValue("site"), q["docroot"])
	return d, siteError(err)
}

func (a siteAPI) look(r *http.Request) (any, error) {
	q, err := parameters(r, "docroot", "by")
	if err != nil {
		return nil, err
	}
	if by := q["by"]; by != "" && !slices.Contains(flippers, by) {
		return nil, apiErrorf(http.StatusBadRequest, "by: want one of %s, not %q", strings.Join(flippers, ", "), by)
	}
	d, err := a.sites.Look(r.PathValue("site"), q["docroot"], q["by"])
	return d, siteError(err)
}

func (a siteAPI) drain(r *http.Request) (any, error) {
	q, err := releaseParameters(r, "timeout")
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(q, "timeout")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	site := r.PathValue("site")
	left, err := a.sites.DrainRelease(ctx, site, q["docroot"], q["release"])
	switch {
	case err == nil:
		d, err := a.sites.Site(site, q["docroot"])
		return d, siteError(err)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &apiError{http.StatusConflict, occupied{fmt.Sprintf("release %s did not drain within %s", q["release"], limit), left}}
	}
	return nil, siteError(err)
}

// occupied is a drain that took too long.
type occupied struct {
	text string
	left []Occupant
}

func (o occupied) Error() string { return o.text }

func (a siteAPI) warm(r *http.Request) (any, error) {
	q, err := releaseParameters(r)
	if err != nil {
		return nil, err
	}
	results, err := a.sites.Warm(r.Context(), r.PathValue("site"), q["docroot"], q["release"])
	return results, siteError(err)
}

func (a siteAPI) headroom(r *http.Request) (any, error) {
	q, err := releaseParameters(r)
	if err != nil {
		return nil, err
	}
	h, err := a.sites.Headroom(r.Context(), r.PathValue("site"), q["docroot"], q["release"])
	return h, siteError(err)
}

// siteError gives an error of the Server its HTTP status.
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

// releaseParameters are parameters with a release among them, which is needed.
func releaseParameters(r *http.Request, more ...string) (map[string]string, error) {
	q, err := parameters(r, append(more, "docroot", "release")...)
	if err == nil && !strings.HasPrefix(q["release"], "/") {
		err = apiErrorf(http.StatusBadRequest, "release: want the absolute path of a directory, not %q", q["release"])
	}
	return q, err
}

// flipCheckEvery is how soon a command learns that its release is not live.
const flipCheckEvery = time.Second

// enter has a command enter a release for as long as the client keeps the
// connection open. When a successor takes over, the client is told to enter
// there, before it leaves here.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) { endpoint(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r) }
	q, err := parameters(r, "docroot", "command", "pid", "release", "age")
	if err != nil {
		fail(err)
		return
	}
	pid, err := strconv.Atoi(q["pid"])
	if err != nil {
		fail(apiErrorf(http.StatusBadRequest, "pid: want a number, not %q", q["pid"]))
		return
	}
	began := time.Now()
	if age, err := time.ParseDuration(q["age"]); err == nil {
		began = began.Add(-age)
	}
	c, env, err := s.enterCommand(r.PathValue("site"), q["docroot"], q["release"], q["command"], pid, began)
	if err != nil {
		fail(siteError(err))
		return
	}
	defer c.leave()
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	out.Encode(env)
	flush.Flush()
	tick := time.NewTicker(flipCheckEvery)
	defer tick.Stop()
	moved := s.waits.current().Done()
	for told := ""; ; {
		select {
		case <-r.Context().Done():
			return
		case <-moved:
			moved = nil
			out.Encode(map[string]bool{"moved": true})
			flush.Flush()
			continue
		case <-tick.C:
		}
		if live := c.flippedTo(env.Docroot); live != "" && live != told {
			told = live
			out.Encode(map[string]string{"flipped": live})
			flush.Flush()
		}
	}
}

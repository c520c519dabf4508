package webpage

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// policy lets a browser ask only this server, and run only its files.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A sheet is what the template of a whole page is written with.
type sheet struct {
	Title   string
	Site    string // "" for the overview
	Events  string // the address of what changes
	Frame   *frame
	Sort    string
	Query   string
	Columns []column
}

// A column is one of the overview's table.
type column struct {
	Title, URL string
	Number     bool
	Sorted     bool
}

// Handler serves the page: "/" is the overview, "/site" a docroot, "/events" what changes.
// All links are relative, so that a web server may pass any directory on to it.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { p.overview(w, r) })
	mux.HandleFunc("GET /site", func(w http.ResponseWriter, r *http.Request) { p.site(w, r) })
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { p.events(w, r) })
	assets, _ := fs.Sub(assetFiles, "assets") // the directory is there, or this had not compiled
	files := http.StripPrefix("/assets/", http.FileServerFS(assets))
	mux.HandleFunc("GET /assets/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		mux.ServeHTTP(w, r)
	})
}

func (p *Page) overview(w http.ResponseWriter, r *http.Request) {
	v := overviewOf(r.URL.Query())
	s := sheet{Title: "realdocd", Sort: v.Sort, Query: v.Query, Columns: v.columns()}
	p.write(w, v, s, "overview", v.query())
}

func (p *Page) site(w http.ResponseWriter, r *http.Request) {
	v := siteView{r.URL.Query().Get("name"), r.URL.Query().Get("docroot")}
	q := url.Values{"name": {v.Site}}
	if v.Docroot != "" {
		q.Set("docroot", v.Docroot)
	}
	name := v.Site
	if v.Docroot != "" {
		name = v.Docroot
	}
	p.write(w, v, sheet{Title: name + " – realdocd", Site: name}, "site", q)
}

// write writes a whole page of a view.
func (p *Page) write(w http.ResponseWriter, v view, s sheet, name string, q url.Values) {
	f, err := v.frame(p, p.latest())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		templates.ExecuteTemplate(w, "gone", err.Error())
		return
	}
	s.Frame, s.Events = f, "events"
	if len(q) > 0 {
		s.Events += "?" + q.Encode()
	}
	templates.ExecuteTemplate(w, name, s) // it fails only if the viewer has left
}

// events sends what changes in a view, as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var v view = overviewOf(q)
	if q.Has("name") {
		v = siteView{q.Get("name"), q.Get("docroot")}
		if _, err := p.source.Site(q.Get("name"), q.Get("docroot")); err != nil {
			w.WriteHeader(http.StatusNoContent) // which tells a browser not to come again
			return
		}
	}
	updates := p.join(v)
	if updates == nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, fmt.Sprintf("%d look already: come again when one has left", MaxViewers), http.StatusServiceUnavailable)
		return
	}
	defer p.leave(v, updates)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep it back
	out := http.NewResponseController(w)
	out.SetReadDeadline(time.Time{}) // the server's is for one request and its answer
	out.SetWriteDeadline(time.Now().Add(viewerPatience))
	fmt.Fprint(w, "retry: 2000\n\n")
	out.Flush()
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		text := ":\n\n" // a comment, for whoever closes connections that are silent
		select {
		case <-r.Context().Done():
			return
		case <-alive.C:
		case change, open := <-updates:
			if !open {
				return
			}
			text = "data: " + string(change) + "\n\n"
		}
		out.SetWriteDeadline(time.Now().Add(viewerPatience))
		if _, err := w.Write([]byte(text)); err != nil || out.Flush() != nil {
			return
		}
	}
}

const (
	keepAlive      = 20 * time.Second
	viewerPatience = 10 * time.Second // for a viewer that does not read
)

// sorts are the columns by which the overview can be sorted.
var sorts = []struct{ key, title string }{
	{"", "Site"}, {"-", "Live"}, {"requests", "Requests/s"}, {"failed", "Failed/s"}, {"php", "In PHP"}, {"running", "Inside"}, {"-", "15 minutes"},
}

func overviewOf(q url.Values) overview {
	v := overview{Query: q.Get("find")}
	if len(v.Query) > 200 {
		v.Query = v.Query[:200]
	}
	for _, s := range sorts {
		if s.key == q.Get("sort") && s.key != "-" {
			v.Sort = s.key
		}
	}
	return v
}

// query is what an address of the view has behind its question mark.
func (o overview) query() url.Values {
	q := url.Values{}
	if o.Sort != "" {
		q.Set("sort", o.Sort)
	}
	if o.Query != "" {
		q.Set("find", o.Query)
	}
	return q
}

func (o overview) columns() []column {
	var all []column
	for _, s := range sorts {
		c := column{Title: s.title, Number: s.key != "" && s.key != "-", Sorted: s.key == o.Sort && s.key != ""}
		if s.key != "-" {
			c.URL = strings.TrimSuffix("./?"+overview{s.key, o.Query}.query().Encode(), "?")
		}
		all = append(all, c)
	}
	return all
}

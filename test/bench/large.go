package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"realdocd/test/stack"
)

const (
	largePages    = 500     // of 60 KiB a round, one after the other
	largeResponse = 1 << 30 // bytes
	largeUpload   = 200 << 20
)

// large measures bodies: pages of 60 KiB, a response of 1 GiB, and uploads of 200 MiB.
func large(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	r.says("%d pages of 60 KiB one after the other, a response of 1 GiB, an upload of 200 MiB, each once a round, %d rounds; without request_buffering nginx and realdocd pass a body on as it comes", largePages, rounds)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: workers, INI: map[string]string{"post_max_size": "0", "enable_post_data_reading": "0", "memory_limit": "256M"}})
	streaming := stack.GatewayFor(fpm, site)
	streaming.Sites[site.Name]["request_buffering"] = false
	gateway, unbuffered := s.Gateway(stack.GatewayFor(fpm, site)), s.Gateway(streaming)
	straight := []string{"fastcgi_request_buffering off;"}
	nginx := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: fpm.Addr},
		{Root: site.DocRoot(), Backend: gateway.Addr, KeepAlive: 64},
		{Root: site.DocRoot(), Backend: unbuffered.Addr, KeepAlive: 64},
		{Root: site.DocRoot(), Backend: fpm.Addr, Lines: straight},
		{Root: site.DocRoot(), Backend: unbuffered.Addr, KeepAlive: 64, Lines: straight},
	}})
	ways := []*transfers{
		{name: "direct"},
		{name: "realdocd"},
		{name: "realdocd, unbuffered"},
		{name: "nginx unbuffered, direct"},
		{name: "both unbuffered"},
	}
	for range rounds {
		for i, w := range ways {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := w.measure(nginx, i); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	t := r.table("", "pages/s", "of direct", "response", "of direct", "upload", "of direct")
	for i, w := range ways {
		base := ways[i/3*3]
		t.row(w.name, fmt.Sprintf("%.0f", median(w.pages)), fmt.Sprintf("%.2f", ratio(w.pages, base.pages)),
			fmt.Sprintf("%.0f MiB/s", median(w.responses)), fmt.Sprintf("%.2f", ratio(w.responses, base.responses)),
			fmt.Sprintf("%.0f MiB/s", median(w.uploads)), fmt.Sprintf("%.2f", ratio(w.uploads, base.uploads)))
	}
	t.end()
	direct, ours := ways[0], ways[1]
	r.wants("pages/s", atLeast(0.95), ratio(ours.pages, direct.pages))
	r.wants("a response of 1 GiB", atLeast(0.95), ratio(ours.responses, direct.responses))
	r.wants("an upload of 200 MiB", atLeast(0.9), ratio(ours.uploads, direct.uploads))
	r.wants("the same, unbuffered", atLeast(0.9), ratio(ways[2].uploads, direct.uploads))
	return nil
}

// transfers are what one way moves a second, a value a round.
type transfers struct {
	name                      string
	pages, responses, uploads []float64
}

func (w *transfers) measure(nginx *stack.Nginx, server int) error {
	page := nginx.URL(server, "/large.php?bytes=61440")
	took, err := timed(func() error {
		for range largePages {
			if err := fetchAll(page, nil, 0, 61440); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.pages = append(w.pages, largePages/took.Seconds())
	took, err = timed(func() error {
		return fetchAll(nginx.URL(server, fmt.Sprintf("/large.php?bytes=%d", largeResponse)), nil, 0, largeResponse)
	})
	if err != nil {
		return err
	}
	w.responses = append(w.responses, largeResponse/took.Seconds()/(1<<20))
	took, err = timed(func() error {
		return fetchAll(nginx.URL(server, "/upload.php"), zeros{}, largeUpload, int64(len(fmt.Sprint(largeUpload))))
	})
	if err != nil {
		return err
	}
	w.uploads = append(w.uploads, largeUpload/took.Seconds()/(1<<20))
	return nil
}

func timed(do func() error) (time.Duration, error) {
	began := time.Now()
	err := do()
	return time.Since(began), err
}

// zeros is a body without an end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// fetchAll sends a request, with a body of so many bytes, and reads a response that must
// have want bytes.
func fetchAll(url string, body io.Reader, length, want int64) error {
	method := http.MethodGet
	if body != nil {
		method, body = http.MethodPost, io.LimitReader(body, length)
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return err
	}
	req.ContentLength = length
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (n != want || resp.StatusCode != http.StatusOK) {
		err = fmt.Errorf("%s: status %d and %d bytes, want %d", url, resp.StatusCode, n, want)
	}
	return err
}

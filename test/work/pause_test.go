package work

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"realdocd/test/stack"
)

// The pause of a pool that is overloaded is nothing to another's requests.
func TestAPauseOfOnePoolDelaysNoRequestOfAnother(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	pages := fstest.MapFS{"p.php": {Data: []byte(`<?php usleep(2000); echo 'page';`)}}
	busy, quiet := s.Site(stack.SiteConfig{Name: "busy", Pages: pages}), s.Site(stack.SiteConfig{Name: "quiet", First: 5, Pages: pages})
	one, other := s.FPM(stack.FPMConfig{MaxChildren: 2}), s.FPM(stack.FPMConfig{MaxChildren: 2})
	config := stack.GatewayFor(one, busy, quiet)
	config.Pools["www"]["max_conns"] = 2
	config.Pools["other"] = stack.Keys{"server": []string{string(other.Addr)}}
	config.Sites["busy"]["pool"] = "www"
	config.Sites["quiet"]["pool"] = "other"
	gw := s.Gateway(config)
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: busy.DocRoot(), Backend: gw.Addr}, {Root: quiet.DocRoot(), Backend: gw.Addr}}})
	overload := make(chan struct{})
	for range 8 {
		go func() {
			for {
				select {
				case <-overload:
					return
				default:
					if resp, err := http.Get(web.URL(0, "/p.php")); err == nil {
						resp.Body.Close()
					}
				}
			}
		}()
	}
	defer close(overload)
	// late is the 99th percentile of the quiet pool's requests while something is done over and over.
	late := func(do func()) time.Duration {
		over, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-over:
					return
				default:
					do()
				}
			}
		}()
		var took []time.Duration
		for began := time.Now(); time.Since(began) < 2*time.Second; {
			start := time.Now()
			resp, err := http.Get(web.URL(1, "/p.php"))
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("got %s", resp.Status)
			}
			took = append(took, time.Since(start))
		}
		close(over)
		<-done
		slices.Sort(took)
		return took[len(took)*99/100]
	}
	without := late(func() { s.Command(gw, 0, "status") })
	pauses := late(func() {
		s.Command(gw, 0, "pause", "www", "--drain")
		s.Command(gw, 0, "resume", "www")
	})
	t.Logf("99 of 100 requests of the other pool take at most %v without pauses, and %v with them", without, pauses)
	if pauses > 3*without+30*time.Millisecond {
		t.Errorf("pauses of one pool delay the other's requests: %v instead of %v", pauses, without)
	}
}

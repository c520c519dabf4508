package stack_test

import (
	"testing"
	"time"

	"realdocd/test/stack"
)

func TestMatrix(t *testing.T) {
	for name, c := range map[string]stack.FPMConfig{
		"default":           {},
		"opcache, revalidate_path":  {INI: map[string]string{"opcache.revalidate_path": "1"}},
		"opcache, revalidate_path, ttl0":  {INI: map[string]string{"opcache.revalidate_path": "1", "realpath_cache_ttl": "0"}},
		"opcache, revalidate_path, size0":  {INI: map[string]string{"opcache.revalidate_path": "1", "realpath_cache_size": "0"}},
		"opcache, size0":  {INI: map[string]string{"realpath_cache_size": "0"}},
		"no opcache":        {NoOpcache: true},
		"no opcache, ttl0":  {NoOpcache: true, INI: map[string]string{"realpath_cache_ttl": "0"}},
		"no opcache, ttl1":  {NoOpcache: true, INI: map[string]string{"realpath_cache_ttl": "1"}},
		"no opcache, size0": {NoOpcache: true, INI: map[string]string{"realpath_cache_size": "0"}},
		"max_requests": {Pool: []string{"pm.max_requests=20"}},
		"opcache, open_basedir": {INI: map[string]string{"open_basedir": "/tmp"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := stack.For(t, "nginx", "php-fpm")
			site := s.Site(stack.SiteConfig{})
			fpm := s.FPM(c)
			web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
				{Root: site.DocRoot(), Backend: fpm.Addr, Params: []string{`PHP_VALUE "include_path=` + site.IncludePath() + `"`}},
				{Root: site.DocRoot(), Backend: fpm.Addr, Params: []string{`PHP_VALUE "include_path=."`}},
			}})
			for _, path := range []string{web.URL(0, "/index.php"), web.URL(1, "/own.php")} {
				s.Run(stack.Load{URLs: []string{path}, Duration: 2 * time.Second}, stack.FlipEvery(20*time.Millisecond, site))
			}
		})
	}
}

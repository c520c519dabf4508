package paths

import (
	"fmt"
	"strings"

	"realdocd/test/stack"
)

// A spelling is a way to write the paths of a request.
type spelling struct {
	name string
	by   string // the web server that writes them so
	// write has the servers of a web server ask backend for a place.
	write func(f *fronts, p *place, backend stack.Addr)
	// named is the release that is named, and runs; 0 if that is left to the link.
	named int
	// pma says that the script lies outside of the link, where it names no release.
	pma bool
	// refused has the status that is right for a layout, if it is not 200.
	refused map[string]int
}

// values are what a web server sets beside the usual: paths below v.
type values struct{ php, admin, flow string }

func valuesBelow(v string) values {
	return values{
		php:   fmt.Sprintf("include_path=\".:%[1]s/lib\"\nsession.save_path=\"1;%[1]s/sessions\"\nupload_tmp_dir=\"%[1]s/tmp\"", v),
		admin: fmt.Sprintf("auto_prepend_file=\"%s/boot.php\"", v),
		flow:  v,
	}
}

// nginx writes a server with a root, and further params: name, value, name, value …
func nginx(root, v func(*place) string, params ...string) func(*fronts, *place, stack.Addr) {
	return func(f *fronts, p *place, backend stack.Addr) {
		val := valuesBelow(v(p))
		all := append([]string{"PHP_VALUE", val.php, "PHP_ADMIN_VALUE", val.admin, "FLOW_ROOTPATH", val.flow, "SENT_ALL", "1"}, params...)
		server := stack.NginxServer{Root: root(p), Backend: backend, KeepAlive: f.keep}
		for i := 0; i < len(all); i += 2 {
			value := strings.NewReplacer("LINK", p.at(p.link), "VIA", p.at("via")+"/"+p.link, "BELOW", p.below, "ONE", p.at(p.releases[0])).Replace(all[i+1])
			server.Params = append(server.Params, all[i]+" "+nginxQuoted(value))
		}
		f.nginx.Servers = append(f.nginx.Servers, server)
		i := len(f.nginx.Servers) - 1
		f.add(func() string { return f.nginxRuns.URL(i, "/index.php") })
	}
}

func nginxQuoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// apache writes a virtual host.
func apache(passMatch bool) func(*fronts, *place, stack.Addr) {
	return func(f *fronts, p *place, backend stack.Addr) {
		val := valuesBelow(p.beside(""))
		include, _, _ := strings.Cut(val.php, "\n")
		f.apache.Hosts = append(f.apache.Hosts, stack.ApacheHost{Root: p.at(p.docroot), Backend: backend, PassMatch: passMatch, Lines: []string{
			"ProxyFCGISetEnvIf true PHP_VALUE " + nginxQuoted(include),
			"ProxyFCGISetEnvIf true PHP_ADMIN_VALUE " + nginxQuoted(val.admin),
			"ProxyFCGISetEnvIf true FLOW_ROOTPATH " + nginxQuoted(val.flow),
		}})
		i := len(f.apache.Hosts) - 1
		f.add(func() string { return f.apacheRuns.URL(i, "/index.php") })
	}
}

// caddy writes a site whose root is resolved by Caddy, or is not.
func caddy(resolve bool) func(*fronts, *place, stack.Addr) {
	return func(f *fronts, p *place, backend stack.Addr) {
		val := valuesBelow(p.beside(""))
		include, _, _ := strings.Cut(val.php, "\n")
		f.caddy.Sites = append(f.caddy.Sites, stack.CaddySite{Root: p.at(p.docroot), Backend: backend, ResolveRoot: resolve, Env: []string{
			"PHP_VALUE", include, "PHP_ADMIN_VALUE", val.admin, "FLOW_ROOTPATH", val.flow,
		}})
		i := len(f.caddy.Sites) - 1
		f.add(func() string { return f.caddyRuns.URL(i, "/index.php") })
	}
}

// client asks by itself, as monitoring and tests do, with these params.
func client(params func(p *place) []string) func(*fronts, *place, stack.Addr) {
	return func(f *fronts, p *place, backend stack.Addr) {
		val := valuesBelow(p.beside(""))
		f.addAsk(backend, append([]string{
			"REQUEST_METHOD", "GET", "SCRIPT_NAME", "/index.php", "REQUEST_URI", "/index.php", "SERVER_PROTOCOL", "HTTP/1.1",
			"PHP_VALUE", val.php, "PHP_ADMIN_VALUE", val.admin, "FLOW_ROOTPATH", val.flow, "SENT_ALL", "1",
		}, params(p)...))
	}
}

func asConfigured(p *place) string { return p.at(p.docroot) }
func byTheLink(p *place) string    { return p.at(p.link + p.below) }
func byAnAlias(p *place) string    { return p.at("via/" + p.link + p.below) }
func inRelease1(p *place) string   { return p.at(p.releases[0] + p.below) }
func besideLink(p *place) string   { return p.beside("") }

const (
	linkScript = "LINKBELOW$fastcgi_script_name"
	realScript = "$realpath_root$fastcgi_script_name"
)

var spellings = []spelling{
	{name: "as configured", by: "nginx", write: nginx(asConfigured, besideLink)},
	{name: "SCRIPT_FILENAME by $realpath_root", by: "nginx", write: nginx(asConfigured, besideLink, "SCRIPT_FILENAME", realScript)},
	{name: "DOCUMENT_ROOT by $realpath_root, SCRIPT_FILENAME by the link", by: "nginx", write: nginx(asConfigured, besideLink, "DOCUMENT_ROOT", "$realpath_root")},
	{name: "both by $realpath_root", by: "nginx", write: nginx(asConfigured, besideLink, "DOCUMENT_ROOT", "$realpath_root", "SCRIPT_FILENAME", realScript)},
	{name: "SCRIPT_FILENAME by the link's real path", by: "nginx", write: nginx(asConfigured, besideLink, "SCRIPT_FILENAME", linkScript)},
	{name: "all by the link's real path", by: "nginx", write: nginx(byTheLink, func(p *place) string { return p.at(p.link) })},
	{name: "all by a parent that is a link elsewhere", by: "nginx", write: nginx(byAnAlias, func(p *place) string { return p.at("via/" + p.link) })},
	{name: "SCRIPT_FILENAME by a parent that is a link elsewhere", by: "nginx", write: nginx(asConfigured, besideLink, "SCRIPT_FILENAME", "VIABELOW$fastcgi_script_name")},
	{name: "SCRIPT_FILENAME in release 1", by: "nginx", write: nginx(asConfigured, besideLink, "SCRIPT_FILENAME", "ONEBELOW$fastcgi_script_name")},
	{name: "PATH_TRANSLATED and CONTEXT_DOCUMENT_ROOT by $realpath_root", by: "nginx", write: nginx(asConfigured, besideLink,
		"PATH_TRANSLATED", "$realpath_root/x", "CONTEXT_DOCUMENT_ROOT", "$realpath_root")},
	{name: "with slashes and dots", by: "nginx", write: nginx(func(p *place) string { return p.at(p.docroot) + "//./" }, besideLink)},
	{name: "DOCUMENT_ROOT below the docroot", by: "nginx", write: nginx(func(p *place) string { return p.at(p.docroot) + "/admin" }, besideLink)},
	{name: "DOCUMENT_ROOT in an extra root below the link", by: "nginx", write: nginx(func(p *place) string { return p.beside("/tools") }, besideLink)},
	{name: "DOCUMENT_ROOT in an extra root elsewhere", by: "nginx", pma: true, write: nginx(func(p *place) string { return p.at("pma") }, besideLink)},
	{name: "values in release 1", by: "nginx", write: nginx(asConfigured, func(p *place) string { return p.at(p.releases[0]) })},
	{name: "all in release 1, as a panel writes it out", by: "nginx", named: 1, write: nginx(inRelease1, func(p *place) string { return p.at(p.releases[0]) })},
	{name: "SetHandler", by: "Apache", write: apache(false)},
	{name: "ProxyPassMatch", by: "Apache", write: apache(true), refused: map[string]int{"names with a space, % and +": 404}},
	{name: "php_fastcgi", by: "Caddy", write: caddy(false)},
	{name: "php_fastcgi, resolve_root_symlink", by: "Caddy", write: caddy(true)},
	{name: "PATH_TRANSLATED alone", by: "a client", write: client(func(p *place) []string {
		return []string{"DOCUMENT_ROOT", p.at(p.docroot), "PATH_TRANSLATED", p.at(p.docroot) + "/index.php"}
	})},
	{name: "SCRIPT_FILENAME through ..", by: "a client", write: client(func(p *place) []string {
		return []string{"DOCUMENT_ROOT", p.at(p.docroot), "SCRIPT_FILENAME", p.root + "/../" + p.root[strings.LastIndexByte(p.root, '/')+1:] + "/" + p.docroot + "/index.php"}
	})},
	{name: "a relative SCRIPT_FILENAME", by: "a client", refused: everywhere(403), write: client(func(p *place) []string {
		return []string{"DOCUMENT_ROOT", p.at(p.docroot), "SCRIPT_FILENAME", "index.php"}
	})},
	{name: "a script outside", by: "a client", refused: everywhere(403), write: client(func(p *place) []string {
		return []string{"DOCUMENT_ROOT", p.at(p.docroot), "SCRIPT_FILENAME", p.root + "/outside.php"}
	})},
}

func everywhere(status int) map[string]int {
	all := map[string]int{}
	for _, l := range layouts {
		all[l.name] = status
	}
	return all
}

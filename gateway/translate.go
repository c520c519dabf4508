package gateway

import "realdocd/incpath"

// translate writes the paths of a request as a PHP-FPM has them that sees the tree
// elsewhere. What comes back is the web server's, and stays as it is.
func (rq *request) translate() error {
	if len(rq.pool.Config().Map) == 0 {
		return nil
	}
	m := rq.pool.Config().Mapping()
	for i := range rq.pairs {
		at := param(i + 1)
		sent := borrow(rq.pairs[i].Value)
		switch name := borrow(rq.pairs[i].Name); {
		case at == rq.cgi.scriptFilename || at == rq.cgi.pathTranslated:
			prefix, file := splitProxyPrefix(sent)
			if mapped, ok := m.Path(file); ok {
				rq.setPath(at, prefix, mapped)
			}
		case at == rq.cgi.phpValue || at == rq.cgi.phpAdminValue || name == "PHP_VALUE":
			mapped, _, err := incpath.RewritePaths(sent, &m)
			if err != nil {
				return refuse(causeIncludePath, "map %s as PHP-FPM has it: %w", name, err)
			}
			rq.setPath(at, "", mapped)
		case !clientMayWrite(name):
			if mapped := m.List(sent); mapped != sent {
				rq.setPath(at, "", mapped)
			}
		}
	}
	return nil
}

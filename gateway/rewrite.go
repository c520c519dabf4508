package gateway

import (
	"slices"

	"realdocd/incpath"
)

// rewrite makes everything that PHP can see of the docroot agree with the
// release. Pairs that do not name it go on byte for byte.
func (rq *request) rewrite() error {
	if rq.visit.Release == nil {
		if err := rq.rewriteValues(nil); err != nil {
			return err
		}
		if err := rq.translate(); err != nil {
			return err
		}
		return rq.carryValues()
	}
	m := rq.mapping()
	if rq.arrival != nil && rq.arrival.as != "" {
		m.Spellings = append(slices.Clip(m.Spellings), rq.arrival.spelling(m.Release))
	}
	if err := rq.rewriteScript(&m); err != nil {
		return err
	}
	rq.set(rq.cgi.documentRoot, "DOCUMENT_ROOT", rq.bytes(rq.arrival.root(rq.visit, &m)))
	rq.rewritePath(rq.cgi.pathTranslated, &m)
	rq.rewriteParams(&m)
	if err := rq.rewriteValues(&m); err != nil {
		return err
	}
	rq.set(0, "REALDOC_RELEASE", rq.bytes(rq.visit.Name))
	rq.sendRequestID()
	if rq.site.readsPins.Load() && rq.conn.errand == nil {
		rq.tellPin()
	}
	if err := rq.translate(); err != nil {
		return err
	}
	return rq.carryValues()
}

func (rq *request) rewritePath(at param, m *incpath.Mapping) {
	if at == 0 || rq.site.keepParams[string(rq.pairs[at-1].Name)] {
		return
	}
	prefix, sent := splitProxyPrefix(borrow(rq.value(at)))
	if mapped, ok := m.Path(sent); ok && mapped != sent {
		rq.setPath(at, prefix, mapped)
	}
}

// setPath gives a variable that is there a path behind its prefix.
func (rq *request) setPath(at param, prefix, path string) {
	start := len(rq.text)
	rq.text = append(append(rq.text, prefix...), path...)
	rq.pairs[at-1].Value = rq.text[start:]
}

// bytes copies s to where it lives as long as the request.
func (rq *request) bytes(s string) []byte {
	at := len(rq.text)
	rq.text = append(rq.text, s...)
	return rq.text[at:]
}

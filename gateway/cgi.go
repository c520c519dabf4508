package gateway

import (
	"bytes"
	"errors"
	"strconv"

	"realdocd/fcgi"
)

// A param is the place of a CGI variable among a request's pairs, 1-based;
// 0 is absent. Of a name that came twice it is the last, which PHP takes.
type param int

// cgi has the variables that decide something or are logged. HTTP_* variables
// come from the visitor and decide nothing; one of them is logged.
type cgi struct {
	documentRoot, scriptFilename, scriptName, pathTranslated, pathInfo param
	phpValue, phpAdminValue, contentLength                             param
	requestMethod, requestURI, requestID, uniqueID, traceparent, tell  param
	redirectURL                                                        param
}

// readParams reads the PARAMS that have come into pairs and finds those above.
func (rq *request) readParams() error {
	rq.contentLength = -1
	if rq.tooLong != nil {
		return rq.tooLong
	}
	var err error
	if rq.pairs, err = rq.params.Pairs(rq.pairs[:0]); errors.Is(err, fcgi.ErrTooManyPairs) {
		return refuse(causeParamsTooLong, "%w", err)
	} else if err != nil {
		return refuse(causeBadRequest, "fcgi: read params: %w", err)
	}
	rq.noteParams()
	rq.dropMarks()
	if err := rq.checkPaths(); err != nil {
		return err
	}
	return rq.readContentLength()
}

// field is where the place of a variable that decides something is noted; nil for any
// other.
func (c *cgi) field(name []byte) *param {
	switch string(name) {
	case "DOCUMENT_ROOT":
		return &c.documentRoot
	case "SCRIPT_FILENAME":
		return &c.scriptFilename
	case "SCRIPT_NAME":
		return &c.scriptName
	case "PATH_TRANSLATED":
		return &c.pathTranslated
	case "PATH_INFO":
		return &c.pathInfo
	case "REDIRECT_URL":
		return &c.redirectURL
	case "PHP_VALUE":
		return &c.phpValue
	case "PHP_ADMIN_VALUE":
		return &c.phpAdminValue
	case "CONTENT_LENGTH":
		return &c.contentLength
	case "REQUEST_METHOD":
		return &c.requestMethod
	case "REQUEST_URI":
		return &c.requestURI
	case "REQUEST_ID":
		return &c.requestID
	case "UNIQUE_ID":
		return &c.uniqueID
	case "REALDOC_TELL":
		return &c.tell
	case "HTTP_TRACEPARENT":
		return &c.traceparent
	}
	return nil
}

func (rq *request) readContentLength() error {
	v := rq.value(rq.cgi.contentLength)
	if len(v) == 0 {
		return nil
	}
	if string(v) == "-1" { // of Caddy, for a body whose length it does not know
		rq.unknownLength = true
		return nil
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n < 0 || bytes.ContainsAny(v, "+-_") {
		return refuse(causeBadRequest, "CONTENT_LENGTH %q is not a length", v)
	}
	rq.contentLength = n
	return rq.checkMaxBody(n)
}

// value is the variable's value; nil if it is absent.
func (rq *request) value(at param) []byte {
	if at == 0 {
		return nil
	}
	return rq.pairs[at-1].Value
}

// set gives a variable another value, or adds it if it is absent.
func (rq *request) set(at param, name string, value []byte) {
	if at == 0 {
		rq.pairs = append(rq.pairs, fcgi.Pair{Name: rq.bytes(name), Value: value})
		return
	}
	rq.pairs[at-1].Value = value
}

// appendHead makes what FPM gets before the body: BEGIN_REQUEST without
// FCGI_KEEP_CONN, which is set when the connection may be kept, and the PARAMS.
func (rq *request) appendHead() error {
	if rq.contentLength < 0 && (rq.body.length > 0 || rq.unknownLength) {
		rq.conn.mu.Lock()
		rq.set(rq.cgi.contentLength, "CONTENT_LENGTH", strconv.AppendInt(nil, rq.body.length, 10))
		rq.conn.mu.Unlock()
	}
	if rq.site != nil {
		rq.addQueueTime()
	}
	rq.fpmID = rq.id
	rq.head = fcgi.AppendBegin(rq.head[:0], rq.id, fcgi.Begin{Role: fcgi.RoleResponder})
	var err error
	if rq.head, err = fcgi.AppendParams(rq.head, rq.id, rq.pairs); err != nil {
		return refuse(causeParamsTooLong, "write params: %w", err)
	}
	if rq.site != nil {
		rq.findQueueTime()
	}
	return nil
}

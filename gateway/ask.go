package gateway

// asks says whether the web server asks which release a request belongs to, and for nothing
// else.
func (rq *request) asks() bool { return string(rq.value(rq.cgi.ask)) == "release" }

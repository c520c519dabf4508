package control

import "time"

// A SeenRequest is what the web server has sent with one request of a site. Each
// text is cut off at maxSeen bytes. Its JSON is part of the control API.
type SeenRequest struct {
	Site string    `json:"site"`
	Time time.Time `json:"time"`
	// Transport is "unix" or "tcp", and KeepConn whether FCGI_KEEP_CONN was set.
	Transport string `json:"transport"`
	KeepConn  bool   `json:"keep_conn"`
	// The rest are the params of the same names; "" where one was not sent.
	DocumentRoot   string `json:"document_root"`
	ScriptFilename string `json:"script_filename"`
	ServerSoftware string `json:"server_software"`
	RedirectStatus string `json:"redirect_status"`
	PHPValue       string `json:"php_value"`
	PHPAdminValue  string `json:"php_admin_value"`
}

// A SeenRefusal is requests that were refused for what the web server sends:
// those of one cause, docroot and site. Its JSON is part of the control API.
type SeenRefusal struct {
	// Cause is "no_site", "forbidden", "params_too_long" or "include_path", as in the log.
	Cause        string `json:"cause"`
	Site         string `json:"site,omitempty"`
	DocumentRoot string `json:"document_root"`
	// ScriptFilename and Error are those of the last one.
	ScriptFilename string    `json:"script_filename"`
	Error          string    `json:"error"`
	Count          uint64    `json:"count"`
	First          time.Time `json:"first"`
	Last           time.Time `json:"last"`
}

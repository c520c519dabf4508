package control

import "time"

// A SeenRequest is what a web server has sent with one request of a site. Texts
// longer than 1024 bytes are cut off.
type SeenRequest struct {
	Site string    `json:"site"`
	Time time.Time `json:"time"`
	// Transport is "unix" or "tcp". KeepConn says whether FCGI_KEEP_CONN was set.
	Transport string `json:"transport"`
	KeepConn  bool   `json:"keep_conn"`
	// The others are the params of the same names. A param that was not sent is "".
	DocumentRoot   string `json:"document_root"`
	ScriptFilename string `json:"script_filename"`
	ServerSoftware string `json:"server_software"`
	RedirectStatus string `json:"redirect_status"`
	PHPValue       string `json:"php_value"`
	PHPAdminValue  string `json:"php_admin_value"`
}

// An UnseenSite is a site of which no request has come.
type UnseenSite struct {
	Site string `json:"site"`
	// Since is when the daemon began to wait for one: its start, or the reload that
	// brought the site.
	Since time.Time `json:"since"`
}

// A SeenRefusal counts requests that were refused for what the web server has sent.
// It counts those that have the same cause, docroot and site. Texts longer than 1024
// bytes are cut off.
type SeenRefusal struct {
	// Cause is "no_site", "forbidden", "params_too_long" or "include_path", as the
	// log has it.
	Cause        string `json:"cause"`
	Site         string `json:"site,omitempty"`
	DocumentRoot string `json:"document_root"`
	// ScriptFilename and Error are from the last of them.
	ScriptFilename string `json:"script_filename"`
	Error          string `json:"error"`
	Count          uint64 `json:"count"`
	// Recent counts those of the last minute or two: what still goes on.
	Recent uint64    `json:"recent"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

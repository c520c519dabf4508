package conf

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"realdocd/cmd/realdocd/logging"
)

func absolute(v any) (string, error) {
	s, err := text(v)
	if err == nil && !path.IsAbs(s) {
		return "", wanted("an absolute path", v)
	}
	return s, err
}

// docrootPattern reads an absolute path or a pattern of such.
func docrootPattern(v any) (string, error) {
	s, err := absolute(v)
	if err != nil {
		return "", err
	}
	if _, err := path.Match(s, ""); err != nil {
		return "", wanted("a path or a pattern in which every [ has its ]", v)
	}
	return path.Clean(s), nil
}

// logOutputName reads where the log goes.
func logOutputName(v any) (string, error) {
	s, err := text(v)
	switch {
	case err != nil || s == logging.ToStderr || path.IsAbs(s):
		return s, err
	case s == "journal":
		return "", fmt.Errorf(`"journal" is not needed: under systemd %q is the journal, with the level of each event`, logging.ToStderr)
	}
	return "", wanted(`"stderr" or the absolute path of a file`, v)
}

// urlPath reads a path such as FPM's pm.status_path.
func urlPath(v any) (string, error) {
	s, err := text(v)
	if err == nil && (!strings.HasPrefix(s, "/") || strings.Contains(s, "?")) {
		return "", wanted(`a path that begins with "/" and has no "?", such as "/fpm-status"`, v)
	}
	return s, err
}

// pathPattern reads a pattern for paths of URLs.
func pathPattern(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	if _, err := path.Match(s, ""); err != nil || !strings.HasPrefix(s, "/") {
		return "", wanted(`a path or a pattern that begins with "/", such as "/wp-cron.php" or "/cron/*"`, v)
	}
	return s, nil
}

// warmURI reads what a warm-up asks for: a path, or a URL if the host matters.
func warmURI(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(s)
	isURL := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
	if !strings.HasPrefix(s, "/") && !isURL || strings.ContainsAny(s, " #") {
		return "", wanted(`a path that begins with "/", or a URL such as "https://shop.example/login"`, v)
	}
	return s, nil
}

// cgiHeaders mean something in every response: a gateway that sets one breaks it.
var cgiHeaders = []string{"status", "location", "content-type", "content-length", "set-cookie"}

func headerName(v any) (string, error) {
	s, ok := v.(string)
	if !ok || s == "" || strings.ContainsFunc(s, notInToken) {
		return "", wanted(`a header's name such as "X-Release"`, v)
	}
	if slices.Contains(cgiHeaders, strings.ToLower(s)) {
		return "", fmt.Errorf(`%s means something in every response; take a name such as "X-Release"`, s)
	}
	return path.Clean(s), nil
}

// notInToken says whether a name of a header, a token of RFC 9110, cannot have r.
func notInToken(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// alwaysMapped are the variables that make a request whole, and are never left out.
var alwaysMapped = []string{"DOCUMENT_ROOT", "SCRIPT_FILENAME", "PHP_VALUE", "PHP_ADMIN_VALUE"}

// paramName reads the name of a FastCGI variable.
func paramName(v any) (string, error) {
	s, ok := v.(string)
	if !ok || s == "" || strings.ContainsFunc(s, notInParamName) {
		return "", wanted(`the name of a FastCGI variable such as "HTTP_X_ACCEL_MAPPING"`, v)
	}
	if slices.Contains(alwaysMapped, s) {
		return "", fmt.Errorf("%s is mapped in every request, so that it runs on one release: take it out", s)
	}
	return s, nil
}

func notInParamName(r rune) bool {
	return r != '_' && !('A' <= r && r <= 'Z') && !('a' <= r && r <= 'z') && !('0' <= r && r <= '9')
}

// pathPair reads a path of ours, and what PHP-FPM has it as.
func pathPair(v any) (pair [2]string, err error) {
	s, _ := v.(string)
	ours, theirs, _ := strings.Cut(s, ":")
	if !path.IsAbs(ours) || !path.IsAbs(theirs) || strings.Contains(theirs, ":") {
		return pair, wanted(`two absolute paths, ours and PHP-FPM's, such as "/srv:/var/www/html"`, v)
	}
	return [2]string{path.Clean(ours), path.Clean(theirs)}, nil
}

package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"realdocd/cmd/realdocd/logging"
)

// A parser reads one TOML value. Its error says what is wanted.
type parser[T any] func(v any) (T, error)

// A setter reads one TOML value into its place.
type setter func(v any) error

func into[T any](place *T, parse parser[T]) setter {
	return func(v any) error {
		got, err := parse(v)
		if err == nil {
			*place = got
		}
		return err
	}
}

func wanted(what string, v any) error {
	return fmt.Errorf("want %s, not %s", what, describe(v))
}

// describe says what a TOML value is, in an operator's words.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case bool, int64, float64:
		return fmt.Sprint(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "a list of tables"
	}
	return "a date"
}

// text reads a string that can be part of a path or of a PHP setting.
func text(v any) (string, error) {
	s, ok := v.(string)
	switch {
	case !ok:
		return "", wanted("a string in quotes", v)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", wanted("a string without control characters", v)
	}
	return s, nil
}

func boolean(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, wanted("true or false", v)
	}
	return b, nil
}

// listOf reads a list, and names everything in it that is wrong.
func listOf[T any](item parser[T]) parser[[]T] {
	return func(v any) ([]T, error) {
		values, ok := v.([]any)
		if !ok {
			return nil, wanted("a list, as in [ … ]", v)
		}
		var items []T
		var wrong []error
		for _, value := range values {
			got, err := item(value)
			items = append(items, got)
			wrong = append(wrong, err)
		}
		return items, errors.Join(wrong...)
	}
}

// oneOf reads one of a few words.
func oneOf(words ...string) parser[string] {
	return func(v any) (string, error) {
		s, _ := v.(string)
		if slices.Contains(words, s) {
			return s, nil
		}
		last := len(words) - 1
		err := wanted(`"`+strings.Join(words[:last], `", "`)+`" or "`+words[last]+`"`, v)
		if near := Nearest(s, words); near != "" && s != "" {
			err = fmt.Errorf("%w; did you mean %q?", err, near)
		}
		return "", err
	}
}

// duration reads a duration that may be 0.
func duration(v any) (time.Duration, error) {
	s, _ := v.(string)
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, wanted(`a duration such as "2s" or "500ms"`, v)
	case d < 0:
		return 0, wanted("a duration of at least 0s", v)
	}
	return d, nil
}

func positiveDuration(v any) (time.Duration, error) {
	d, err := duration(v)
	if err == nil && d == 0 {
		return 0, wanted("a duration above 0s", v)
	}
	return d, err
}

// maxRequests bounds the numbers of requests that can be asked for: more than
// a machine has descriptors is a slip of the finger.
const maxRequests = 1_000_000

// wholeUpTo reads a number that may be 0.
func wholeUpTo(most int64) parser[int] { return wholeFrom(0, most) }

func wholeFrom(least, most int64) parser[int] {
	return func(v any) (int, error) {
		n, ok := v.(int64)
		if !ok || n < least || n > most {
			return 0, wanted(fmt.Sprintf("a whole number from %d to %d", least, most), v)
		}
		return int(n), nil
	}
}

func mode(v any) (fs.FileMode, error) {
	s, ok := v.(string)
	n, err := strconv.ParseUint(s, 8, 32)
	if !ok || err != nil || n > 0o777 {
		return 0, wanted(`the octal digits of a mode, in quotes, such as "0660"`, v)
	}
	return fs.FileMode(n), nil
}

// network reads "10.0.0.0/8", or a bare address as the network of itself.
func network(v any) (netip.Prefix, error) {
	s, _ := v.(string)
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, wanted(`an address or a network such as "127.0.0.1" or "10.0.0.0/8"`, v)
	}
	return prefix.Masked(), nil
}

// maxSocketPath is what sun_path of sockaddr_un holds, without the NUL.
const maxSocketPath = 107

// address reads a unix socket's absolute path or "host:port".
func address(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	if unixPath, ok := strings.CutPrefix(s, "unix:"); ok {
		return "", fmt.Errorf(`write %q without "unix:", as %q`, s, unixPath)
	}
	if strings.HasPrefix(s, "/") {
		return socketPath(v)
	}
	if !isHostPort(s) {
		return "", wanted(`the absolute path of a socket, or "host:port"`, v)
	}
	return s, nil
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

func socketPath(v any) (string, error) {
	s, err := text(v)
	switch {
	case err != nil:
		return "", err
	case !path.IsAbs(s):
		return "", wanted("the absolute path of a socket", v)
	case len(s) > maxSocketPath:
		return "", fmt.Errorf("the socket path %q has %d bytes, at most %d are possible", s, len(s), maxSocketPath)
	}
	return s, nil
}

func hostPort(v any) (string, error) {
	s, err := text(v)
	if err == nil && !isHostPort(s) {
		return "", wanted(`"host:port" such as "127.0.0.1:9117"`, v)
	}
	return s, err
}

func isHostPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	_, portErr := strconv.ParseUint(port, 10, 16)
	return err == nil && portErr == nil
}

func absolute(v any) (string, error) {
	s, err := text(v)
	if err == nil && !path.IsAbs(s) {
		return "", wanted("an absolute path", v)
	}
	return s, err
}

// urlPath reads a path as FPM's pm.status_path has it.
func urlPath(v any) (string, error) {
	s, err := text(v)
	if err == nil && (!strings.HasPrefix(s, "/") || strings.Contains(s, "?")) {
		return "", wanted(`a path that begins with "/" and has no "?", such as "/fpm-status"`, v)
	}
	return s, err
}

// warmURI reads what a warm-up asks for: a path, or a URL where the host matters.
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

// orNone lets "" stand for none.
func orNone(parse parser[string]) parser[string] {
	return func(v any) (string, error) {
		if v == "" {
			return "", nil
		}
		return parse(v)
	}
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
	return s, nil
}

// cgiHeaders steer the response itself: a gateway that sets one breaks it.
var cgiHeaders = []string{"status", "location", "content-type", "content-length", "set-cookie"}

func headerName(v any) (string, error) {
	s, ok := v.(string)
	if !ok || s == "" || strings.ContainsFunc(s, notInToken) {
		return "", wanted(`a header's name such as "X-Release"`, v)
	}
	if slices.Contains(cgiHeaders, strings.ToLower(s)) {
		return "", fmt.Errorf(`%s means something in every response; take a name such as "X-Release"`, s)
	}
	return s, nil
}

// notInToken is for RFC 9110's token.
func notInToken(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

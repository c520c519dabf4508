package e2e

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// promptly is how fast what waits for nothing is answered: well below the time for which realdocd keeps an
// idle connection, and above what a busy machine takes.
const promptly = 300 * time.Millisecond

// An answer is what one visitor got.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
	err    error
}

// visit asks for a path in the background.
func (s *shop) visit(path string) <-chan answer { return s.visitUntil(context.Background(), path) }

// visitUntil is visit for a visitor who leaves when the context ends.
func (s *shop) visitUntil(ctx context.Context, path string) <-chan answer {
	answers := make(chan answer, 1)
	go func() { answers <- ask(ctx, s.web.URL(0, path)) }()
	return answers
}

func ask(ctx context.Context, url string) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return answer{err: err}
	}
	start := time.Now()
	defer func() { a.took = time.Since(start) }()
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(body), err: err}
}

// get asks for a path that must be answered with 200.
func (s *shop) get(t *testing.T, path string) answer {
	t.Helper()
	return wantServed(t, <-s.visit(path))
}

func wantServed(t *testing.T, a answer) answer {
	t.Helper()
	if a.err != nil || a.status != http.StatusOK {
		t.Fatalf("got status %d after %v, error %v: %.300s", a.status, a.took, a.err, a.body)
	}
	return a
}

// wantRefused fails the test unless realdocd has refused the visitor a place.
func wantRefused(t *testing.T, a answer) {
	t.Helper()
	if a.err != nil || a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("got status %d, Retry-After %q, error %v: %.300s; want 503 with Retry-After", a.status, a.header.Get("Retry-After"), a.err, a.body)
	}
}

// wantNoneFailed ends traffic and fails the test unless all of it was served, whole.
func wantNoneFailed(t *testing.T, traffic *stack.Traffic, stop context.CancelFunc) {
	t.Helper()
	stop()
	if tally := traffic.Wait(); tally.Failed > 0 || tally.Torn > 0 {
		t.Errorf("want all served: %v", tally)
	}
}

// A gate holds scripts in FPM until it is opened.
type gate struct{ file string }

func newGate(s *stack.Stack) gate { return gate{filepath.Join(s.Dir, "gate")} }

// path of the script that waits at the gate.
func (g gate) path() string { return "/gate.php?gate=" + url.QueryEscape(g.file) }

func (g gate) open(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(g.file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// marksDir makes a directory that scripts may write to.
func marksDir(t *testing.T, s *stack.Stack) string {
	t.Helper()
	dir := filepath.Join(s.Dir, "marks")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	return dir
}

// marked tells whether a script has left the file.
func marked(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// lineOf is the number of the line of a file that begins with the text.
func lineOf(t *testing.T, file, text string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(content), "\n") {
		if strings.HasPrefix(line, text) {
			return strconv.Itoa(i + 1)
		}
	}
	t.Fatalf("%s has no line with %q", file, text)
	return ""
}

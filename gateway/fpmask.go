package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/yookoala/gofast"
)

// maxAnswer bounds, in bytes, what FPM may answer to the daemon's own
// questions. The status page has about half a kilobyte a worker.
const maxAnswer = 4 << 20

// askFPM has FPM at addr run one request of the daemon's own, and returns the
// whole answer. ctx bounds all of it and must come to an end: gofast can wait
// for ever on an answer that is not CGI. gofast also takes a connection that
// breaks for the end of the answer, so the caller has to see from the body
// that it is complete.
func askFPM(ctx context.Context, addr string, params map[string]string) (*fpmAnswer, error) {
	network := "tcp"
	if isUnix(addr) {
		network = "unix"
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return askOver(ctx, conn, params)
}

// askOver is askFPM on a connection, which it closes.
func askOver(ctx context.Context, conn net.Conn, params map[string]string) (*fpmAnswer, error) {
	defer conn.Close() // and not client.Close, which races with gofast's own goroutines
	client, err := gofast.SimpleClientFactory(func() (net.Conn, error) { return conn, nil })()
	if err != nil {
		return nil, err
	}
	request := gofast.NewRequest(nil)
	request.Params = params
	pipes, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	// WriteTo returns when the pipes are closed. gofast's goroutines end when the
	// connection is closed too.
	reading, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(reading, pipes.Close)
	answer := &fpmAnswer{header: http.Header{}, body: boundedBuffer{full: stop}, stderr: boundedBuffer{full: stop}}
	err = pipes.WriteTo(answer, &answer.stderr)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("wait for the answer: %w", context.Cause(ctx))
	case answer.body.over || answer.stderr.over:
		return nil, errAnswerTooLong
	case err != nil:
		return nil, fmt.Errorf("no complete answer: %w", err)
	}
	return answer, nil
}

// An fpmAnswer is the http.ResponseWriter that gofast writes to.
type fpmAnswer struct {
	status       int
	header       http.Header
	body, stderr boundedBuffer
}

func (a *fpmAnswer) Header() http.Header            { return a.header }
func (a *fpmAnswer) WriteHeader(status int)         { a.status = status }
func (a *fpmAnswer) Write(part []byte) (int, error) { return a.body.Write(part) }

// String says what came, in one line for an error.
func (a *fpmAnswer) String() string {
	text := fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
	for _, said := range []string{a.body.firstLine(), a.stderr.firstLine()} {
		if said != "" {
			text += fmt.Sprintf(", %q", said)
		}
	}
	return text
}

var errAnswerTooLong = fmt.Errorf("the answer is above %d bytes", maxAnswer)

// A boundedBuffer takes maxAnswer bytes. It calls full at the first one more,
// because gofast waits until somebody has read all.
type boundedBuffer struct {
	text bytes.Buffer
	full func()
	over bool
}

func (b *boundedBuffer) Write(part []byte) (int, error) {
	if b.text.Len()+len(part) > maxAnswer {
		b.over = true
		b.full()
		return 0, errAnswerTooLong
	}
	return b.text.Write(part)
}

func (b *boundedBuffer) firstLine() string {
	line, _, _ := strings.Cut(strings.TrimSpace(b.text.String()), "\n")
	return strings.TrimSpace(line[:min(len(line), 200)])
}

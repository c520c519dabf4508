package fpm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/yookoala/gofast"

	"realdocd/gateway/sock"
)

// maxAnswer bounds, in bytes, what FPM may answer to the daemon's own
// questions. The status page has about half a kilobyte a worker.
const maxAnswer = 4 << 20

// run has FPM at addr run one request of the daemon's own, and returns the whole answer.
// ctx bounds all of it and must come to an end.
func run(ctx context.Context, addr sock.Addr, params map[string]string) (*Response, error) {
	conn, err := new(net.Dialer).DialContext(ctx, addr.Network(), string(addr))
	if err != nil {
		return nil, err
	}
	return RunOver(ctx, conn, params)
}

// runScript has FPM at addr run one of our own scripts, which finds what it is asked in the
// param name, as JSON.
func runScript(ctx context.Context, addr sock.Addr, script, name string, asked any) (*Response, error) {
	text, err := json.Marshal(asked)
	if err != nil {
		return nil, err
	}
	file := "/" + filepath.Base(script)
	return run(ctx, addr, map[string]string{
		"REQUEST_METHOD": http.MethodGet, "SCRIPT_NAME": file, "SCRIPT_FILENAME": script,
		"DOCUMENT_ROOT": filepath.Dir(script), "REQUEST_URI": file, "SERVER_PROTOCOL": "HTTP/1.1",
		name: string(text),
	})
}

// RunOver sends one request over a connection to a FastCGI responder, which it closes, and
// returns the whole answer. ctx bounds all of it and must come to an end: gofast can wait
// for ever on an answer that is not CGI. gofast also takes a connection that breaks for the
// end of the answer, so the caller has to see from the body that it is complete.
func RunOver(ctx context.Context, conn net.Conn, params map[string]string) (*Response, error) {
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
	answer := &Response{header: http.Header{}, body: boundedBuffer{full: stop}, stderr: boundedBuffer{full: stop}}
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

// A Response is what a request of the daemon's own has got. It is the http.ResponseWriter
// that gofast writes to.
type Response struct {
	// Status is the HTTP status.
	Status       int
	header       http.Header
	body, stderr boundedBuffer
}

// Header has the headers; for http.ResponseWriter.
func (r *Response) Header() http.Header { return r.header }

// WriteHeader takes the status; for http.ResponseWriter.
func (r *Response) WriteHeader(status int) { r.Status = status }

// Write takes a part of the body; for http.ResponseWriter.
func (r *Response) Write(part []byte) (int, error) { return r.body.Write(part) }

// Body is the body. It is a part of the Response.
func (r *Response) Body() []byte { return r.body.text.Bytes() }

// Stderr is the first line of what PHP wrote to its error output; "" if it wrote nothing.
func (r *Response) Stderr() string { return r.stderr.firstLine() }

// String says what came, in one line for an error.
func (r *Response) String() string {
	text := fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status))
	for _, said := range []string{r.body.firstLine(), r.stderr.firstLine()} {
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

package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// A script that ran on the first half of an order would be worse than one that did not run.
func TestAShortBodyNeverReachesPHPAsWhole(t *testing.T) {
	const announced, sent = 200_000, 100_000
	endOfBody, abort := stack.Record{Type: stack.StdinType, ID: 1}, stack.Record{Type: stack.AbortRequest, ID: 1}
	// In one write: to the first of two, realdocd may answer and close before the second is out.
	send := func(records ...stack.Record) func(*stack.Client) error {
		return func(c *stack.Client) error {
			var b bytes.Buffer
			for _, r := range records {
				r.WriteTo(&b)
			}
			_, err := b.WriteTo(c)
			return err
		}
	}
	for _, ending := range []struct {
		name string
		end  func(*stack.Client) error
	}{
		{"the connection closes", func(c *stack.Client) error { return c.Close() }},
		{"the body ends early", send(endOfBody)},
		{"the request is aborted", send(abort)},
		{"the body ends early and the request is aborted", send(endOfBody, abort)},
	} {
		for _, buffering := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, request_buffering %v", ending.name, buffering), func(t *testing.T) {
				s := openBench(t, stack.Keys{"request_buffering": buffering}, nil)
				client := s.begin(t, "POST", "CONTENT_LENGTH", fmt.Sprint(announced))
				if err := client.Stdin(bytes.Repeat([]byte("x"), sent)); err != nil {
					t.Fatal(err)
				}
				if err := ending.end(client); err != nil {
					t.Fatal(err)
				}
				// The request may reach FPM, but not with a body that ends. It is logged when it is over.
				over := make(chan error, 1)
				go func() {
					_, err := s.gw.WaitEvent(0, stack.Patience, func(e stack.Event) bool { return e.String("path") == "/index.php" })
					over <- err
				}()
				for more := true; more; {
					select {
					case q := <-s.fpm.Requests:
						if body, ended := q.Body(); ended {
							t.Fatalf("FPM got %d bytes of %d as the whole body", len(body), announced)
						}
					case err := <-over:
						if err != nil {
							t.Error(err)
						}
						more = false
					}
				}
			})
		}
	}
}

// PHP reads exactly CONTENT_LENGTH bytes; without it, none. So whoever knows the length must say it.
func TestABodyWithoutALengthGetsOne(t *testing.T) {
	for _, size := range []int{0, 1, 70_000, 3_000_000} {
		t.Run(fmt.Sprintf("%d bytes", size), func(t *testing.T) {
			s := openBench(t, nil, nil)
			client := s.begin(t, "POST")
			want := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
			for rest := want; len(rest) > 0; rest = rest[min(len(rest), 8000):] {
				if err := client.Stdin(rest[:min(len(rest), 8000)]); err != nil {
					t.Fatal(err)
				}
			}
			if err := client.Stdin(nil); err != nil {
				t.Fatal(err)
			}
			q := s.fpm.Next()
			body, ended := q.Body()
			if got, _ := q.Value("CONTENT_LENGTH"); got != fmt.Sprint(size) && !(size == 0 && got == "") {
				t.Errorf("CONTENT_LENGTH is %q, want %d", got, size)
			}
			if !ended || !bytes.Equal(body, want) {
				t.Errorf("FPM got %d bytes, ended %v, want %d", len(body), ended, size)
			}
		})
	}
}

// The same at the other end of the real chain: curl -T - and browsers' fetch streams arrive like this.
func TestAChunkedUploadReachesPHPWhole(t *testing.T) {
	for _, buffering := range []string{"on", "off"} {
		t.Run("fastcgi_request_buffering "+buffering, func(t *testing.T) {
			s := openShop(t, "fastcgi_request_buffering "+buffering+";")
			request := post(t, s.web.URL(0, "/server.php"), struct{ *strings.Reader }{strings.NewReader("a body of unknown length")})
			if request.ContentLength > 0 {
				t.Fatal("the request is not chunked")
			}
			if answer := fetch(t, request); !strings.Contains(answer, `"body":"a body of unknown length"`) {
				t.Errorf("PHP got %.300s", answer)
			}
		})
	}
}

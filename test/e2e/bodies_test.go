package e2e

import (
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

const (
	gibibyte   = 1 << 30
	chunk      = 1 << 16
	mostMemory = 40 << 20 // of the daemon, whatever passes through it
)

// numbered is an endless body whose every 64 KiB begin with their number: no piece can be missing,
// doubled or displaced without changing the checksum.
type numbered struct{ at int64 }

var filler = strings.Repeat("0123456789abcdef", 4096)[:chunk-8]

func (n *numbered) Read(b []byte) (int, error) {
	piece := fmt.Sprintf("%08x", n.at/chunk)
	if offset := n.at % chunk; offset < 8 {
		piece = piece[offset:]
	} else {
		piece = filler[offset-8:]
	}
	copied := copy(b, piece)
	n.at += int64(copied)
	return copied, nil
}

func checksum(size int64) string {
	hash := crc32.NewIEEE()
	io.CopyN(hash, &numbered{}, size)
	return fmt.Sprintf("%08x", hash.Sum32())
}

// flat watches the daemon's memory around a transfer.
func flat(t *testing.T, gw *stack.Gateway, transfer func()) {
	t.Helper()
	start := time.Now()
	before, err := gw.Usage()
	if err != nil {
		t.Fatal(err)
	}
	transfer()
	after, err := gw.Usage()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("1 GiB in %v; realdocd before: %v; after: %v", time.Since(start).Round(time.Millisecond), before, after)
	if after.PeakRSS > mostMemory {
		t.Errorf("realdocd took %d MiB of memory, want at most %d", after.PeakRSS>>20, mostMemory>>20)
	}
}

func TestALargeResponseStreamsThrough(t *testing.T) {
	s := openShop(t, "fastcgi_max_temp_file_size 0;")
	flat(t, s.gw, func() {
		resp, err := http.Get(s.web.URL(0, fmt.Sprintf("/big.php?chunks=%d", gibibyte/chunk)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		hash := crc32.NewIEEE()
		n, err := io.Copy(hash, resp.Body)
		if err != nil || n != gibibyte || fmt.Sprintf("%08x", hash.Sum32()) != checksum(gibibyte) {
			t.Errorf("%s, %d bytes, error %v; checksum %08x, want %s", resp.Status, n, err, hash.Sum32(), checksum(gibibyte))
		}
	})
}

func TestALargeUploadStreamsThrough(t *testing.T) {
	for _, buffering := range []string{"on", "off"} {
		t.Run("request buffering "+buffering, func(t *testing.T) {
			s := stack.For(t, "nginx", "php-fpm")
			site := s.Site(stack.SiteConfig{Pages: pages()})
			// PHP itself must not keep the body, or its limits and its disk would be what is tested.
			fpm := s.FPM(stack.FPMConfig{INI: map[string]string{"post_max_size": "0", "enable_post_data_reading": "0"}})
			c := stack.GatewayFor(fpm, site)
			c.Sites[site.Name]["request_buffering"] = buffering == "on"
			gw := s.Gateway(c)
			web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
				{Root: site.DocRoot(), Backend: gw.Addr, Lines: []string{"fastcgi_request_buffering " + buffering + ";"}},
			}})
			flat(t, gw, func() {
				request, err := http.NewRequest("POST", web.URL(0, "/count.php"), io.LimitReader(&numbered{}, gibibyte))
				if err != nil {
					t.Fatal(err)
				}
				request.ContentLength = gibibyte
				request.Header.Set("Content-Type", "application/octet-stream")
				got := fetch(t, request)
				if want := fmt.Sprintf("%d %s", gibibyte, checksum(gibibyte)); got != want {
					t.Errorf("PHP got %q, want %q", got, want)
				}
			})
		})
	}
}

// fetch sends a request that must be answered with 200 and returns the answer.
func fetch(t *testing.T, request *http.Request) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s, error %v: %.300s", request.Method, request.URL, resp.Status, err, body)
	}
	return string(body)
}

package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }

func TestTabsShareCookiesAndRunJavaScript(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("seen"); err == nil {
			fmt.Fprintf(w, "<title>%s %s</title>", r.URL.Path, c.Value)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "first"})
		fmt.Fprintf(w, "<title>%s %s</title>", r.URL.Path, r.Header.Get("Sec-Fetch-Dest"))
	}))
	defer server.Close()
	b := Start(t)
	var title string
	first := b.Open(server.URL + "/a")
	if first.Eval("document.title", &title); title != "/a document" {
		t.Errorf("the first page is %q", title)
	}
	if first.Eval(`fetch("/b").then(r => r.text())`, &title); title != "<title>/b first</title>" {
		t.Errorf("what it asks for is %q", title)
	}
	if b.Open(server.URL+"/c").Eval("document.title", &title); title != "/c first" {
		t.Errorf("another tab has %q", title)
	}
}

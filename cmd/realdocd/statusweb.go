package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

// serveWeb serves the daemon's page on a port of the loopback until Ctrl-C. Everybody on
// this machine can connect there, PHP code too: so its address has a secret.
func serveWeb(cmd *cobra.Command, daemon *control.Client, site control.SiteAddress) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	asked, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if site.Site != "" {
		if _, err := daemon.Site(asked, site); err != nil {
			return err
		}
	} else if _, err := daemon.Status(asked); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("show the page: %w", err)
	}
	prefix := "/" + strings.ToLower(rand.Text())
	srv := &http.Server{
		Handler: secretly(prefix, daemon.Page()), ReadHeaderTimeout: answerTimeout, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	at := prefix + "/"
	if site.Site != "" {
		q := url.Values{"name": {site.Site}}
		if site.Docroot != "" {
			q.Set("docroot", site.Docroot)
		}
		at += "site?" + q.Encode()
	}
	fmt.Fprintf(cmd.OutOrStdout(), "http://%s%s\n", ln.Addr(), at)
	fmt.Fprintln(cmd.ErrOrStderr(), "Open this in a browser. From another machine, first: ssh -L "+forwarded(ln)+" THIS-MACHINE. Ctrl-C ends it.")
	go func() {
		<-ctx.Done()
		srv.Close()
	}()
	if err := srv.Serve(ln); err != http.ErrServerClosed {
		return fmt.Errorf("show the page: %w", err)
	}
	return nil
}

// forwarded is what ssh -L wants, to have the same address at both ends.
func forwarded(ln net.Listener) string {
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port + ":" + ln.Addr().String()
}

// secretly answers requests for what is below a path that nobody can guess. A page of
// another site does not know it either, by whichever name it has come here.
func secretly(prefix string, h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+prefix+"/", http.StripPrefix(prefix, h))
	return mux
}

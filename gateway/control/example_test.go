package control_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"realdocd/gateway/control"
)

// quietDaemon is a daemon with one pool, in which nothing runs.
type quietDaemon struct {
	control.Daemon
	pool *control.PoolStatus
}

func (d quietDaemon) OwnStatus() control.Status {
	return control.Status{Pools: []control.PoolStatus{*d.pool}}
}
func (d quietDaemon) Pause(string) error                  { d.pool.Paused = true; return nil }
func (d quietDaemon) Drain(context.Context, string) error { d.pool.Paused = true; return nil }
func (d quietDaemon) Resume(string) error                 { d.pool.Paused = false; return nil }

// serveQuietDaemon stands for realdocd, and gives the path of its control socket.
func serveQuietDaemon() (socket string, stop func()) {
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		log.Fatal(err)
	}
	socket = filepath.Join(dir, "control.sock")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	d := quietDaemon{pool: &control.PoolStatus{Name: "www"}}
	go http.Serve(ln, control.NewHandler(d, http.NotFoundHandler(), http.NotFoundHandler()))
	return socket, func() { ln.Close(); os.RemoveAll(dir) }
}

// A program restarts PHP-FPM, and no visitor sees it: new requests wait in the pool
// until PHP-FPM is back.
func ExampleClient_Pause() {
	socket, stop := serveQuietDaemon() // on a server, /run/realdocd/control.sock
	defer stop()
	daemon := control.NewClient(socket)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pool, err := daemon.Pause(ctx, "www", 30*time.Second)
	if err != nil {
		log.Fatal(err) // nothing has changed: the pool is as it was before
	}
	fmt.Println("paused:", pool.Paused, "- running:", pool.Running)

	fmt.Println("PHP-FPM restarts")

	if pool, err = daemon.Resume(ctx, "www"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("paused:", pool.Paused)
	// Output:
	// paused: true - running: 0
	// PHP-FPM restarts
	// paused: false
}

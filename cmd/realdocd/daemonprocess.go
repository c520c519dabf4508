package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/logging"
	"realdocd/gateway"
	"realdocd/gateway/control"
	"realdocd/gateway/sock"
)

// A daemonProcess is serve at work.
type daemonProcess struct {
	config    conf.Config
	readAgain func() (conf.Config, error) // the configuration; nil if it came from flags
	log       zerolog.Logger
	out       *logging.Log // of log
	srv       *gateway.Server
	addrs     []string // that it listens on
	passed    bool     // systemd has passed them
	moveable  bool     // who has started this process can be told of another main one
	program   string   // what an upgrade starts
	signals   chan os.Signal
	rereads   chan rereading
	ended     chan error  // what Serve returns
	retired   atomic.Bool // a successor is the main process
}

// serve runs the gateway until a signal ends it.
func (d *daemonProcess) serve(stderr io.Writer, getenv func(string) string) error {
	// Early, so that no signal finds the default action.
	d.signals = make(chan os.Signal, 4)
	signal.Notify(d.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR2)
	defer signal.Stop(d.signals)
	// The daemon must not end if the reader of its log goes away.
	signal.Ignore(syscall.SIGPIPE)
	tuneRuntime(getenv)
	d.program = programPath()
	before, err := predecessor()
	if err != nil {
		return err
	}
	d.moveable = moveable(getenv, before)
	closeLog, err := d.openLog(stderr, getenv)
	if err != nil {
		return err
	}
	defer closeLog()
	d.warnOfUser()
	d.srv = gateway.New(d.config.Gateway, d.log)
	b := readBuild()
	d.srv.SetBuild(b.Version, b.Commit, b.Go)
	d.rereads = make(chan rereading)
	d.srv.OnReread(d.reread)
	if err := d.open(before); err != nil {
		return err
	}
	d.warnOfSockets()
	d.ended = make(chan error, 1)
	go func() { d.ended <- d.srv.Serve() }()
	select { // before it serves, it takes no signal's word
	case <-d.srv.Serving():
	case err := <-d.ended:
		return endedByItself(err)
	}
	d.log.Info().Str("version", b.Version).Strs("listen", d.addrs).Strs("sites", d.config.SiteNames()).Msg("ready")
	if before != nil {
		awaitMain(before)
	}
	d.tellReady()
	go d.watchdog()

	u, err := d.awaitStop()
	switch {
	case err != nil:
		return err
	case u != nil:
		return d.retire(u)
	}
	return d.stop()
}

// tuneRuntime sets the limits of Go's runtime, unless the environment does.
func tuneRuntime(getenv func(string) string) {
	if getenv("GOGC") == "" {
		// The heap is a few megabytes and a request leaves little garbage:
		// collecting at five times the live heap costs little memory, and saves
		// most of the collections under load.
		debug.SetGCPercent(400)
	}
	if total := gateway.TotalMemory(); getenv("GOMEMLIMIT") == "" && total > 0 {
		// Near the end of what there is, the collector works harder instead.
		debug.SetMemoryLimit(total / 10 * 9)
	}
	if getenv("GOMAXPROCS") == "" {
		// A request costs a fraction here of what it costs in the web server and in
		// PHP, which need the other processors. One more than needed costs wake-ups.
		runtime.GOMAXPROCS((runtime.GOMAXPROCS(0) + 3) / 4)
	}
}

// open takes the predecessor's sockets. Without a predecessor it takes those that
// systemd has passed, or opens those of the configuration.
func (d *daemonProcess) open(before *gateway.Predecessor) error {
	if before == nil {
		return d.listen()
	}
	if err := d.srv.Succeed(before); err != nil {
		return err
	}
	d.addrs, d.passed = d.srv.Addrs()
	return nil
}

// listen takes the sockets that systemd has passed, or else opens those of the
// configuration.
func (d *daemonProcess) listen() error {
	passed, err := d.takePassed()
	if err != nil {
		return err
	}
	for _, ln := range passed {
		d.addrs = append(d.addrs, ln.Addr().String())
	}
	if d.passed = len(passed) > 0; !d.passed {
		d.addrs = sock.Strings(d.config.Gateway.Listen)
	}
	if err := d.srv.Listen(passed...); err != nil {
		return fmt.Errorf("open the sockets: %w", err)
	}
	return nil
}

func (d *daemonProcess) tellReady() {
	c := d.config.Gateway
	d.notify(daemon.SdNotifyReady, fmt.Sprintf("serving %s on %s", control.Count(len(c.Sites), "site"), strings.Join(d.addrs, ", ")))
}

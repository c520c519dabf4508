package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/logging"
	"realdocd/deploy/fleet"
)

// An agentProcess is fleet agent at work. Its goroutine serve owns all of it but the host.
type agentProcess struct {
	config    conf.Config
	readAgain func() (conf.Config, error)
	log       zerolog.Logger
	host      *fleetHost
	running   *runningAgent
	signals   chan os.Signal
	said      string // the last status that systemd was told
}

// run has the host go with its fleet until a signal ends it.
func (p *agentProcess) run(c conf.Config, file string, stderr io.Writer, getenv func(string) string) error {
	p.config = c
	p.signals = make(chan os.Signal, 4)
	signal.Notify(p.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(p.signals)
	// The agent must not end if the reader of its log goes away.
	signal.Ignore(syscall.SIGPIPE)
	out, err := logging.Open(c.Log, stderr, getenv("NO_COLOR") == "" && isTerminal(stderr))
	if err != nil {
		return err
	}
	defer out.Close()
	p.log = out.Logger()
	lock, err := lockAgent(c.Gateway.StateDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	p.host = newFleetHost(file, c, p.log)
	if p.running, err = p.start(c); err != nil {
		printError(stderr, err)
		return exitCode(exitConfig)
	}
	p.log.Info().Str("version", readBuild().Version).Str("host", p.running.agent.Name).Str("group", c.Fleet.Group).
		Strs("etcd", c.Fleet.Etcd).Msg("agent runs")
	p.tellReady()
	return p.serve()
}

// serve goes on until a signal ends it, or the fleet does not want this host.
func (p *agentProcess) serve() error {
	beat := time.NewTicker(p.beat())
	defer beat.Stop()
	for {
		select {
		case err := <-p.running.ended:
			return p.ended(err)
		case <-beat.C:
			p.live()
		case sig := <-p.signals:
			if sig != syscall.SIGHUP {
				p.log.Info().Stringer("signal", sig).Msg("stopping")
				p.tell(daemon.SdNotifyStopping, "ending the lease of this host")
				return p.running.stop(p.signals)
			}
			if gone := p.reload(); gone {
				return p.running.stop(p.signals)
			}
		}
	}
}

// ended says why the agent has ended by itself. One that an operator has taken out of the fleet
// is not to start again.
func (p *agentProcess) ended(err error) error {
	p.running.close()
	if errors.Is(err, fleet.ErrRemoved) {
		p.log.Warn().Err(err).Msg("the agent ends: to join again, systemctl start realdocd-fleet; else, systemctl disable it")
		return nil
	}
	if err == nil {
		err = errors.New("it stopped without being told to")
	}
	return fmt.Errorf("fleet agent: %w", err)
}

// reload reads the configuration again. gone says that it has no fleet any more.
func (p *agentProcess) reload() (gone bool) {
	p.tell(daemon.SdNotifyReloading+"\n"+monotonic(), "reading the configuration again")
	defer p.tellReady()
	c, err := p.readAgain()
	if err == nil && !c.Fleet.Configured() {
		p.log.Warn().Msg("the configuration has no fleet any more: the agent ends")
		return true
	}
	if err == nil && c.Gateway.StateDir != p.config.Gateway.StateDir {
		err = errors.New("state_dir cannot change while the agent runs: systemctl restart realdocd-fleet")
	}
	if err == nil && storeOf(&c) != storeOf(&p.config) {
		err = p.restart(c)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			p.log.Error().Str("fault", strings.TrimSuffix(line, "\n")).Msg("configuration not taken: the one before stays")
		}
		return false
	}
	logging.SetLevel(c.Log.Level)
	p.config = c
	p.host.configure(c)
	p.running.agent.Reload()
	p.log.Info().Strs("sites", c.SiteNames()).Msg("configuration taken")
	return false
}

// restart has another agent follow, with another store or another name. Its faults are found before
// the one that runs ends.
func (p *agentProcess) restart(c conf.Config) error {
	store, err := openStore(&c)
	if err != nil {
		return err
	}
	next, err := p.agentFor(c, store)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	p.log.Info().Strs("etcd", c.Fleet.Etcd).Msg("the agent begins anew")
	if err := p.running.stop(nil); err != nil {
		p.log.Warn().Err(err).Msg("the agent with the configuration of before")
	}
	p.host.configure(c)
	p.running = p.begin(next, store)
	return nil
}

// beat is how often systemd is told that the agent is alive, and how it is.
func (p *agentProcess) beat() time.Duration {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		p.log.Warn().Err(err).Msg("no watchdog")
	}
	if err != nil || every == 0 {
		return 5 * time.Second
	}
	return min(every/2, 5*time.Second)
}

// live tells the watchdog that the agent's loop goes round, and what has changed.
func (p *agentProcess) live() {
	if p.running.agent.Alive() {
		daemon.SdNotify(false, daemon.SdNotifyWatchdog) // without systemd nobody listens
	}
	if summary := p.running.agent.Summary(); summary != p.said {
		p.tell("", summary)
	}
}

func (p *agentProcess) tellReady() { p.tell(daemon.SdNotifyReady, p.running.agent.Summary()) }

// tell tells the service manager, if there is one (sd_notify(3)).
func (p *agentProcess) tell(state, status string) {
	p.said = status
	if _, err := daemon.SdNotify(false, strings.TrimPrefix(state+"\nSTATUS="+status, "\n")); err != nil {
		p.log.Warn().Err(err).Str("state", state).Msg("cannot tell systemd")
	}
}

// note writes what has happened into the log.
func (p *agentProcess) note(n fleet.Note) {
	e := p.log.Info()
	if n.Bad {
		e = p.log.Warn()
	}
	for _, field := range [][2]string{{"site", n.Site}, {"release", n.Release}, {"state", string(n.State)}, {"why", n.Why}} {
		if field[1] != "" {
			e.Str(field[0], field[1])
		}
	}
	if n.Seq != 0 {
		e.Int64("seq", n.Seq)
	}
	if n.Took != 0 {
		e.Float64("seconds", n.Took.Seconds())
	}
	if n.Late != 0 {
		e.Float64("late_ms", n.Late.Seconds()*1000)
	}
	if len(n.Warnings) > 0 {
		e.Strs("warnings", n.Warnings)
	}
	e.AnErr("error", n.Err).Msg(n.Text)
}

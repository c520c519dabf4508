package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"realdocd/cmd/realdocd/conf"
	"realdocd/deploy"
	"realdocd/deploy/fleet"
	"realdocd/gateway/standing"
)

// A runningAgent is an agent with its store.
type runningAgent struct {
	agent  *fleet.Agent
	store  fleet.Store
	cancel context.CancelFunc
	ended  chan error // what Run returns
}

// start opens the store and runs an agent. etcd need not be there.
func (p *agentProcess) start(c conf.Config) (*runningAgent, error) {
	store, err := openStore(&c)
	if err != nil {
		return nil, err
	}
	agent, err := p.agentFor(c, store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return p.begin(agent, store), nil
}

// agentFor makes an agent for a configuration.
func (p *agentProcess) agentFor(c conf.Config, store fleet.Store) (*fleet.Agent, error) {
	name, err := c.Fleet.HostName()
	if err != nil {
		return nil, err
	}
	machine, err := machineOf(c.Gateway.StateDir)
	if err != nil {
		return nil, err
	}
	return fleet.NewAgent(fleet.AgentConfig{
		Store: store, Keys: fleet.NewKeys(c.Fleet.Prefix, c.Fleet.Group), Host: p.host,
		Name: name, Machine: machine, Version: readBuild().Version, Lost: c.Fleet.Lost, Note: p.note,
	})
}

// begin runs an agent.
func (p *agentProcess) begin(agent *fleet.Agent, store fleet.Store) *runningAgent {
	ctx, cancel := context.WithCancel(context.Background())
	r := &runningAgent{agent, store, cancel, make(chan error, 1)}
	p.host.agent.Store(agent)
	go func() { r.ended <- agent.Run(ctx) }()
	return r
}

// stop ends the agent, with its lease, which takes as long as what it is at takes to end. Another
// signal to stop does not wait for that.
func (r *runningAgent) stop(signals <-chan os.Signal) error {
	r.cancel()
	defer r.close()
	for {
		select {
		case err := <-r.ended:
			if errors.Is(err, context.Canceled) {
				err = nil
			}
			return err
		case sig := <-signals:
			if sig != unix.SIGHUP {
				return fmt.Errorf("ended by a second signal (%v), with work unfinished", sig)
			}
		}
	}
}

// close is for an agent that has ended.
func (r *runningAgent) close() {
	r.cancel()
	r.store.Close() // its lease is ended by now, or ends by itself
}

// openStore opens etcd as a configuration has it.
func openStore(c *conf.Config) (fleet.Store, error) {
	password, err := c.FleetPassword()
	if err != nil {
		return nil, err
	}
	f := c.Fleet
	return fleet.OpenEtcd(fleet.EtcdConfig{
		Endpoints: f.Etcd, User: f.User, Password: password, CAFile: f.CAFile, CertFile: f.CertFile, KeyFile: f.KeyFile,
	})
}

// storeOf is all for which an agent has to begin anew, as one text that is compared.
func storeOf(c *conf.Config) string {
	f := c.Fleet
	password, _ := c.FleetPassword()
	name, _ := f.HostName()
	return strings.Join(append([]string{f.Prefix, f.Group, name, f.User, password, f.CAFile, f.CertFile, f.KeyFile, f.Lost.String()}, f.Etcd...), "\x00")
}

// machineOf names what only one agent can run on at a time: this boot of the machine, with this
// state_dir, of which it has the lock.
func machineOf(stateDir string) (string, error) {
	boot, err := standing.BootID()
	if err != nil {
		return "", err
	}
	id, err := deploy.IdentityOf(stateDir)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/%x-%x", boot, id.Device, id.Inode), nil
}

// agentLock is the name of the lock in state_dir.
const agentLock = "fleet-agent.lock"

// lockAgent keeps other agents of this state_dir out, until the file is closed or the process
// ends.
func lockAgent(stateDir string) (*os.File, error) {
	if err := deploy.MakeDirs(stateDir); err != nil {
		return nil, fmt.Errorf("make state_dir: %w", err)
	}
	path := filepath.Join(stateDir, agentLock)
	file, err := deploy.OpenRegular(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock state_dir against other agents: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("another realdocd fleet agent runs on this host, and has %s: systemctl status realdocd-fleet", path)
		}
		return nil, fmt.Errorf("lock state_dir against other agents: %w", os.NewSyscallError("flock", err))
	}
	return file, nil
}

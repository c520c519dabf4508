package stack

import (
	"os/exec"
	"path/filepath"
	"syscall"
)

// An Agent is a running realdocd fleet agent, beside the Gateway of its host.
type Agent struct {
	*Process
	gateway *Gateway
	dir     string
}

// Agent runs realdocd fleet agent on the configuration of a Gateway. It does not wait for anything that the
// agent does: that shows in the Gateway.
func (s *Stack) Agent(g *Gateway) *Agent {
	s.t.Helper()
	dir, name := s.room("agent")
	a := &Agent{gateway: g, dir: dir}
	s.check(a.start(name))
	return a
}

func (a *Agent) start(name string) (err error) {
	binary, err := Binary()
	if err != nil {
		return err
	}
	cmd := exec.Command(binary, "fleet", "agent", "--config", a.gateway.Config)
	a.Process, err = a.gateway.ground.run(a.gateway.space, a.dir, name, syscall.SIGTERM, cmd)
	return err
}

// StartAgentAgain starts an agent that has ended, however that was, as a service manager does.
func (s *Stack) StartAgentAgain(a *Agent) {
	s.t.Helper()
	Receive(s.t, a.Done(), "the end of "+filepath.Base(a.dir))
	s.check(a.start(a.Name))
}

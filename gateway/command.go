package gateway

import (
	"context"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// A command is inside a release, from Enter to Leave. realdocd exec runs it.
type command struct {
	control.Command
	s     *Server
	st    *site
	visit deploy.Visit
	env   control.CommandEnv
	told  string // the live release that AwaitFlip gave last
}

// Enter lets a command enter the live release of a docroot. If release is not "", the
// command is inside it already, in the process that hands over to this one, and enters
// that release. The caller ends the stay with Leave.
func (s *Server) Enter(name, docroot, release string, c control.Command) (control.Stay, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, err
	}
	var v deploy.Visit
	if release != "" {
		v, err = st.releases.EnterRelease(docroot, release)
	} else {
		v, err = st.releases.Enter(docroot, time.Now())
	}
	if err != nil {
		return nil, err
	}
	if v.Flip != nil {
		s.flipped(st, v.Flip)
	}
	env := control.CommandEnv{Docroot: docroot, Link: v.Link, Release: v.Path, Name: v.Name, ResolvedDocroot: v.Docroot}
	if st.IncludePath != "" {
		m := st.mapping(v.Release)
		env.IncludePath = m.List(st.IncludePath)
	}
	stay := &command{Command: c, s: s, st: st, visit: v, env: env}
	s.mu.Lock()
	s.commands[stay] = struct{}{}
	s.mu.Unlock()
	return stay, nil
}

// Env is what the command needs to know of its release.
func (c *command) Env() control.CommandEnv { return c.env }

// commandLooksEvery is how soon a command learns that its release is not live.
const commandLooksEvery = time.Second

// AwaitFlip looks at the link until a release is live that is not the command's, and
// not the one that it gave last. It gives "" when ctx ends first.
func (c *command) AwaitFlip(ctx context.Context) string {
	tick := time.NewTicker(commandLooksEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ""
		case <-tick.C:
		}
		c.s.look(c.st, c.env.Docroot) // the log says why a look fails
		if live := c.st.releases.Live(c.env.Docroot); live != "" && live != c.visit.Path && live != c.told {
			c.told = live
			return live
		}
	}
}

// Leave ends the command's stay.
func (c *command) Leave() {
	c.s.mu.Lock()
	delete(c.s.commands, c)
	c.s.mu.Unlock()
	if c.visit.Leave(time.Now(), false) {
		c.s.idle(c.st.Name, c.visit.Release)
	}
}

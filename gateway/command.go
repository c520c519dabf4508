package gateway

import (
	"time"

	"realdocd/deploy"
)

// A command runs in a release, by realdocd exec, from Enter to leave.
type command struct {
	s     *Server
	st    *site
	visit deploy.Visit
	text  string
	pid   int
	began time.Time
}

// A CommandEnv is what a command needs to know of its release.
type CommandEnv struct {
	Docroot         string `json:"docroot"`
	Link            string `json:"link"`
	Release         string `json:"release"`
	Name            string `json:"name"`
	ResolvedDocroot string `json:"resolved_docroot"`
	// IncludePath is the site's, mapped to the release; "" where it has none.
	IncludePath string `json:"include_path"`
}

// enterCommand has a command enter the live release of a docroot, or, where it
// has been in one before, that release again. The caller ends its stay with leave.
func (s *Server) enterCommand(name, docroot, release, text string, pid int, began time.Time) (*command, CommandEnv, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, CommandEnv{}, err
	}
	var v deploy.Visit
	if release != "" {
		v, err = st.releases.EnterRelease(docroot, release)
	} else {
		v, err = st.releases.Enter(docroot, time.Now())
	}
	if err != nil {
		return nil, CommandEnv{}, err
	}
	if v.Flip != nil {
		s.flipped(st, v.Flip)
	}
	c := &command{s, st, v, text, pid, began}
	s.mu.Lock()
	s.commands[c] = struct{}{}
	s.mu.Unlock()
	env := CommandEnv{Docroot: docroot, Link: v.Link, Release: v.Path, Name: v.Name, ResolvedDocroot: v.Docroot}
	if st.IncludePath != "" {
		env.IncludePath = st.mapping(v).List(st.IncludePath)
	}
	return c, env, nil
}

// flippedTo is the live release, where it is not the command's any more.
func (c *command) flippedTo(docroot string) string {
	c.s.look(c.st, docroot) // what fails, the log tells
	if live := c.st.releases.Live(docroot); live != c.visit.Path {
		return live
	}
	return ""
}

func (c *command) leave() {
	c.s.mu.Lock()
	delete(c.s.commands, c)
	c.s.mu.Unlock()
	if c.visit.Leave(time.Now(), false) {
		c.s.idle(c.st.Name, c.visit.Release)
	}
}

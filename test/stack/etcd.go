package stack

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
)

// Etcd is one running member of an etcd.
type Etcd struct {
	*Process
	Addr Addr // for clients

	stack *Stack
	args  []string
}

// Etcd starts an etcd of one member.
func (s *Stack) Etcd() *Etcd {
	s.t.Helper()
	return s.Etcds(s)[0]
}

// Etcds starts an etcd with a member in each of these stacks, which are those of spaces that
// reach each other, and returns when each of them accepts.
func (s *Stack) Etcds(in ...*Stack) []*Etcd {
	s.t.Helper()
	var members []*Etcd
	var cluster []string
	for _, at := range in {
		dir, name := at.room("etcd")
		client, peer := "http://"+string(at.FreeAddr()), "http://"+string(at.FreeAddr())
		cluster = append(cluster, name+"="+peer)
		members = append(members, &Etcd{
			Addr:  Addr(strings.TrimPrefix(client, "http://")),
			stack: at,
			args: []string{
				"--name", name, "--data-dir", filepath.Join(dir, "data"), "--logger", "zap", "--log-level", "warn",
				"--listen-client-urls", client, "--advertise-client-urls", client,
				"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
				"--initial-cluster-token", filepath.Base(s.Dir),
			},
		})
	}
	for _, m := range members {
		m.args = append(m.args, "--initial-cluster", strings.Join(cluster, ","))
		m.start(filepath.Join(s.Dir, m.args[1]), m.args[1])
	}
	for _, m := range members {
		s.check(m.answers(m.Addr))
	}
	return members
}

func (e *Etcd) start(dir, name string) {
	e.stack.t.Helper()
	e.Process = e.stack.start(dir, name, syscall.SIGTERM, e.stack.find("etcd"), e.args...)
}

// StartEtcdAgain starts a member that has ended, with what it had on disk. It does not wait for it to answer,
// because it cannot before most of the members are there.
func (s *Stack) StartEtcdAgain(e *Etcd) {
	s.t.Helper()
	Receive(s.t, e.Done(), "the end of etcd")
	e.start(e.cmd.Dir, e.Name)
}

// URLs are where clients of these members find them.
func URLs(members []*Etcd) (urls []string) {
	for _, m := range members {
		urls = append(urls, fmt.Sprint("http://", m.Addr))
	}
	return urls
}

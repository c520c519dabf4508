package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/test/stack"
)

func TestEtcd_OpenedWhileItIsAwayWorksAsSoonAsItComes(t *testing.T) {
	for name, user := range map[string]string{"without a user": "", "with a user": "root"} {
		t.Run(name, func(t *testing.T) {
			e := newEtcd(t, plain)
			if user != "" {
				e.start()
				e.authenticate(t)
				e.stop()
			}
			config := fleet.EtcdConfig{User: user}
			if user != "" {
				config.Password = "secret"
			}
			s := e.open(t, config)
			began := time.Now()
			_, _, err := s.Get(context.Background(), "/realdocd/")
			if !fleet.IsFault(err, fleet.FaultUnreachable) || !fleet.IsAway(err) || time.Since(began) > fleet.CallLimit+time.Second {
				t.Fatalf("after %v it says %v", time.Since(began), err)
			}
			wantError(t, err, e.endpoint, "connection refused", "look whether etcd runs there")
			e.launch()
			for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
				if _, _, err := s.Get(context.Background(), "/realdocd/"); err == nil {
					break
				} else if time.Since(began) > 20*time.Second {
					t.Fatal(err)
				}
			}
		})
	}
}

// authenticate has the server want users: root, and shop, who may do nothing.
func (e *etcd) authenticate(t *testing.T) {
	t.Helper()
	e.ctl(t, "user", "add", "root:secret")
	e.ctl(t, "user", "grant-role", "root", "root")
	e.ctl(t, "user", "add", "shop:secret")
	e.ctl(t, "auth", "enable")
	e.flags = []string{"--user", "root:secret"}
}

func TestEtcd_SaysWhatTheOperatorHasToDo(t *testing.T) {
	e := startEtcd(t, secured)
	e.authenticate(t)
	other := newCertificates(t, t.TempDir())
	cases := []struct {
		what   string
		config fleet.EtcdConfig
		fault  fleet.Fault
		wants  []string
	}{
		{"a password that is wrong", fleet.EtcdConfig{User: "root", Password: "wrong"}, fleet.FaultPassword, []string{"authentication failed", "look at user and password"}},
		{"a user that may not", fleet.EtcdConfig{User: "shop", Password: "secret"}, fleet.FaultForbidden, []string{"permission denied", "see the roles"}},
		{"no user, and a certificate without one", fleet.EtcdConfig{}, fleet.FaultForbidden, []string{"permission denied", "of the certificate"}},
		{
			"a server of another authority",
			fleet.EtcdConfig{User: "root", Password: "secret", CAFile: other.path("ca.crt"), CertFile: e.certs.path("client.crt"), KeyFile: e.certs.path("client.key")},
			fleet.FaultCertificate,
			[]string{"unknown authority", "look at ca_file"},
		},
		{
			"a certificate of another authority",
			fleet.EtcdConfig{User: "root", Password: "secret", CAFile: e.certs.path("ca.crt"), CertFile: other.path("client.crt"), KeyFile: other.path("client.key")},
			fleet.FaultUnreachable,
			[]string{"certificate"}, // etcd hangs up, and does not always come to say why
		},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			s := e.open(t, c.config)
			began := time.Now()
			_, _, err := s.Get(context.Background(), "/realdocd/")
			if !fleet.IsFault(err, c.fault) && !(c.fault == fleet.FaultUnreachable && fleet.IsFault(err, fleet.FaultCertificate)) || time.Since(began) > fleet.CallLimit+time.Second {
				t.Errorf("after %v it says %v", time.Since(began), err)
			}
			wantError(t, err, c.wants...)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if err := ends(t, s.Watch(ctx, "/realdocd/", 0), fleet.Silence+2*time.Second); err == nil {
				t.Error("it watches")
			}
		})
	}
	s := e.open(t, fleet.EtcdConfig{User: "root", Password: "secret"})
	commit(t, s, true, nil, put("/realdocd/a", "1"))
}

func TestEtcd_TakesARenewedCertificate(t *testing.T) {
	e := startEtcd(t, secured)
	other := newCertificates(t, t.TempDir())
	s := e.open(t, fleet.EtcdConfig{CAFile: e.certs.path("ca.crt"), CertFile: other.path("client.crt"), KeyFile: other.path("client.key")})
	if _, _, err := s.Get(context.Background(), "/"); err == nil {
		t.Fatal("etcd takes a certificate of another authority")
	}
	for _, name := range []string{"client.crt", "client.key"} {
		text, err := os.ReadFile(e.certs.path(name))
		if err == nil {
			err = os.WriteFile(other.path(name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	stack.Until(t, "the new certificate is taken", func() bool {
		_, _, err := s.Get(context.Background(), "/")
		return err == nil
	})
}

func TestEtcd_ThatHangsHoldsNobodyForLongerThanABound(t *testing.T) {
	e := startEtcd(t, plain)
	s := e.open(t, fleet.EtcdConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watch := s.Watch(ctx, "/realdocd/", 0)
	l := lease(t, s, ctx)
	<-watch
	e.signal(syscall.SIGSTOP)
	defer e.signal(syscall.SIGCONT)
	stack.Until(t, "etcd has stopped", func() bool {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.cmd.Process.Pid))
		return strings.Contains(string(stat), ") T ")
	})
	began := time.Now()
	lostAfter := make(chan time.Duration, 1)
	go func() {
		<-l.Lost()
		lostAfter <- time.Since(began)
	}()
	_, _, err := s.Get(ctx, "/realdocd/")
	if !fleet.IsFault(err, fleet.FaultUnreachable) || time.Since(began) > fleet.CallLimit+time.Second {
		t.Errorf("after %v a call says %v", time.Since(began), err)
	}
	if err := ends(t, watch, fleet.Silence+time.Second); !fleet.IsFault(err, fleet.FaultUnreachable) {
		t.Errorf("the watch ends with %v", err)
	}
	if after := <-lostAfter; after > 3*time.Second {
		t.Errorf("a lease of 2 s is lost after %v", after)
	}
	if kept := l.Kept(); kept.After(began) {
		t.Errorf("it was kept %v after etcd hung", kept.Sub(began))
	}
	began = time.Now()
	l.End()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the lease's end took %v", took)
	}
}

func TestEtcd_OneOfSeveralEndpointsIsEnough(t *testing.T) {
	e := startEtcd(t, plain)
	s := e.open(t, fleet.EtcdConfig{Endpoints: []string{"http://127.0.0.1:1", e.endpoint, "http://127.0.0.1:2"}})
	for range 10 {
		commit(t, s, true, nil, put("/realdocd/a", "1"))
	}
}

func TestEtcd_ThatIsSetBackIsNoticedByAWatch(t *testing.T) {
	e := startEtcd(t, plain)
	s := e.open(t, fleet.EtcdConfig{})
	var last int64
	for range 5 {
		last = commit(t, s, true, nil, put("/realdocd/a", "1"))
	}
	e.stop()
	if err := os.RemoveAll(e.dir + "/data"); err != nil {
		t.Fatal(err)
	}
	e.start()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := ends(t, s.Watch(ctx, "/realdocd/", last), 10*time.Second); !errors.Is(err, fleet.ErrCompacted) {
		t.Errorf("it ends with %v", err)
	}
}

func TestEtcd_ThatCannotWorkIsRefusedWhenItIsOpened(t *testing.T) {
	dir := t.TempDir()
	c := newCertificates(t, dir)
	if err := os.WriteFile(c.path("empty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	https, http := []string{"https://etcd1:2379"}, []string{"http://etcd1:2379"}
	for want, config := range map[string]fleet.EtcdConfig{
		"etcd has no endpoints":          {},
		`"etcd1:2379" is no endpoint`:    {Endpoints: []string{"etcd1:2379"}},
		"but its endpoints are http":     {Endpoints: http, CAFile: c.path("ca.crt")},
		"some are http":                  {Endpoints: append(https, http...)},
		"needs both cert_file and":       {Endpoints: https, CertFile: c.path("client.crt")},
		"no such file":                   {Endpoints: https, CAFile: c.path("none")},
		"empty has no certificate":       {Endpoints: https, CAFile: c.path("empty")},
		"private key does not match":     {Endpoints: https, CertFile: c.path("client.crt"), KeyFile: c.path("server.key")},
		"the user root of etcd has no p": {Endpoints: https, User: "root"},
	} {
		if _, err := fleet.OpenEtcd(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: it says %v, want %q", config, err, want)
		}
	}
}

package fleet_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/test/stack"
)

// An etcd is one server in a scratch directory.
type etcd struct {
	t        *testing.T
	dir      string
	endpoint string
	peer     string
	certs    *certificates // nil without TLS
	cmd      *exec.Cmd
	flags    []string // etcdctl's, to be allowed everything
}

const (
	plain   = false
	secured = true
)

// startEtcd starts a server on free ports, which is ended with the test.
func startEtcd(t *testing.T, tls bool) *etcd {
	t.Helper()
	e := newEtcd(t, tls)
	e.start()
	return e
}

func newEtcd(t *testing.T, tls bool) *etcd {
	t.Helper()
	stack.Need(t, "etcd", "etcdctl")
	e := &etcd{t: t, dir: t.TempDir()}
	scheme := "http"
	if tls {
		scheme, e.certs = "https", newCertificates(t, e.dir)
	}
	e.endpoint = fmt.Sprintf("%s://127.0.0.1:%d", scheme, freePort(t))
	e.peer = fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	t.Cleanup(func() {
		e.stop()
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(e.dir, "log"))
			t.Logf("the end of etcd's log:\n%s", text[max(0, len(text)-2000):])
		}
	})
	return e
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := stack.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// launch starts the process, which does not have to answer yet.
func (e *etcd) launch() {
	e.t.Helper()
	args := []string{
		"--name", "one", "--data-dir", filepath.Join(e.dir, "data"), "--logger", "zap", "--log-level", "warn",
		"--listen-client-urls", e.endpoint, "--advertise-client-urls", e.endpoint,
		"--listen-peer-urls", e.peer, "--initial-advertise-peer-urls", e.peer, "--initial-cluster", "one=" + e.peer,
		"--heartbeat-interval", "100", "--election-timeout", "500",
	}
	if e.certs != nil {
		args = append(args, "--cert-file", e.certs.path("server.crt"), "--key-file", e.certs.path("server.key"),
			"--trusted-ca-file", e.certs.path("ca.crt"), "--client-cert-auth")
	}
	log, err := os.OpenFile(filepath.Join(e.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		e.t.Fatal(err)
	}
	defer log.Close()
	e.cmd = exec.Command("etcd", args...)
	e.cmd.Stdout, e.cmd.Stderr = log, log
	if err := e.cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
}

func (e *etcd) start() {
	e.t.Helper()
	e.launch()
	stack.Until(e.t, "etcd answers", func() bool { return e.try("endpoint", "health") == nil })
}

// signal sends the process a signal: SIGSTOP has it hang.
func (e *etcd) signal(s syscall.Signal) {
	if e.cmd != nil {
		e.cmd.Process.Signal(s)
	}
}

func (e *etcd) stop() {
	if e.cmd == nil {
		return
	}
	e.signal(syscall.SIGKILL)
	e.cmd.Wait()
	e.cmd = nil
}

func (e *etcd) try(args ...string) error {
	_, err := e.run(args...)
	return err
}

func (e *etcd) run(args ...string) (string, error) {
	flags := []string{"--endpoints", e.endpoint, "--dial-timeout", "1s", "--command-timeout", "2s"}
	if e.certs != nil {
		flags = append(flags, "--cacert", e.certs.path("ca.crt"), "--cert", e.certs.path("client.crt"), "--key", e.certs.path("client.key"))
	}
	cmd := exec.Command("etcdctl", append(append(flags, e.flags...), args...)...)
	cmd.Env = append(os.Environ(), "ETCDCTL_API=3")
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func (e *etcd) ctl(t *testing.T, args ...string) string {
	t.Helper()
	text, err := e.run(args...)
	if err != nil {
		t.Fatalf("etcdctl %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return text
}

func (e *etcd) compact(t *testing.T) {
	t.Helper()
	s := e.open(t, fleet.EtcdConfig{})
	_, revision, err := s.Get(context.Background(), "/none")
	if err != nil {
		t.Fatal(err)
	}
	e.ctl(t, "compact", fmt.Sprint(revision))
}

// open opens a client, by the config's user, and by our certificate unless the config has another.
func (e *etcd) open(t *testing.T, config fleet.EtcdConfig) *fleet.Etcd {
	t.Helper()
	if len(config.Endpoints) == 0 {
		config.Endpoints = []string{e.endpoint}
	}
	if e.certs != nil && config.CAFile == "" {
		config.CAFile, config.CertFile, config.KeyFile = e.certs.path("ca.crt"), e.certs.path("client.crt"), e.certs.path("client.key")
	}
	s, err := fleet.OpenEtcd(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// certificates are an authority, and those that it has signed.
type certificates struct {
	dir string
	ca  *x509.Certificate
	key *ecdsa.PrivateKey
}

func (c *certificates) path(name string) string { return filepath.Join(c.dir, name) }

func newCertificates(t *testing.T, dir string) *certificates {
	t.Helper()
	c := &certificates{dir: dir}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of " + dir}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	c.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &c.key.PublicKey, c.key)
	if err != nil {
		t.Fatal(err)
	}
	if c.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	c.write(t, "ca.crt", "CERTIFICATE", der)
	c.sign(t, "server", "127.0.0.1")
	c.sign(t, "client", "")
	return c
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (c *certificates) sign(t *testing.T, name, address string) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{Organization: []string{name}}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if address != "" {
		template.IPAddresses = []net.IP{net.ParseIP(address)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.ca, &key.PublicKey, c.key)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, name+".crt", "CERTIFICATE", der)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, name+".key", "PRIVATE KEY", private)
}

func (c *certificates) write(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(c.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

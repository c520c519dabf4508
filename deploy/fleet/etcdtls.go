//go:build !noetcd

package fleet

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
)

// tls is how connections are encrypted; nil if no endpoint wants it.
func (c EtcdConfig) tls() (*tls.Config, error) {
	if len(c.Endpoints) == 0 {
		return nil, errors.New("etcd has no endpoints: name some, such as https://etcd1:2379")
	}
	var secure int
	for _, endpoint := range c.Endpoints {
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return nil, fmt.Errorf("%q is no endpoint of etcd: it has to be https://HOST:PORT, or http://HOST:PORT", endpoint)
		}
		if u.Scheme == "https" {
			secure++
		}
	}
	files := c.CAFile != "" || c.CertFile != "" || c.KeyFile != ""
	switch {
	case c.User != "" && c.Password == "":
		return nil, fmt.Errorf("the user %s of etcd has no password", c.User)
	case secure == 0 && files:
		return nil, fmt.Errorf("certificates of etcd are configured, but its endpoints are http: %s", strings.Join(c.Endpoints, " "))
	case secure == 0:
		return nil, nil
	case secure < len(c.Endpoints):
		return nil, fmt.Errorf("some endpoints of etcd are https and some are http: %s", strings.Join(c.Endpoints, " "))
	case (c.CertFile == "") != (c.KeyFile == ""):
		return nil, errors.New("a certificate for etcd needs both cert_file and key_file")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		text, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("the authority of etcd's certificates: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate in PEM", c.CAFile)
		}
	}
	if c.CertFile != "" {
		if _, err := c.certificate(); err != nil {
			return nil, err
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.certificate() }
	}
	return config, nil
}

func (c EtcdConfig) certificate() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("our certificate for etcd: %w", err)
	}
	return &pair, nil
}

package kube

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"segue/backend/files"
)

// trust makes HTTP clients that believe the authorities in a file, a new one whenever the file holds other ones: clusters renew theirs.
type trust struct {
	file string // empty: the system's authorities

	mu    sync.Mutex
	files files.Reader
	pem   []byte // what current was made from
	ready *http.Client
}

// client gives the client for what the file holds now. While it cannot be read or holds no certificate, what it held before stands.
func (t *trust) client() (*http.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var pem []byte
	if t.file != "" {
		var err error
		if pem, err = t.files.Read(t.file, mostFile); err != nil {
			if t.ready != nil {
				return t.ready, nil
			}
			return nil, fmt.Errorf("read authorities: %w", unread(t.file, err))
		}
	}
	if t.ready != nil && bytes.Equal(pem, t.pem) {
		return t.ready, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.file != "" {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			if t.ready != nil {
				return t.ready, nil
			}
			return nil, fmt.Errorf("read authorities: %s holds no certificate in PEM", t.file)
		}
	}
	if t.ready != nil {
		t.ready.CloseIdleConnections()
	}
	t.pem, t.ready = pem, newHTTP(conf)
	return t.ready, nil
}

func (t *trust) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready != nil {
		t.ready.CloseIdleConnections()
	}
}

// newHTTP makes a client with HTTP/1.1 alone: a watch has its connection to itself, so that keep-alive finds out when that leads nowhere. It follows no redirect,
// which would take the token elsewhere.
func newHTTP(conf *tls.Config) *http.Client {
	dialer := &net.Dialer{
		Timeout:         10 * time.Second,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        conf,
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  20 * time.Second,
			IdleConnTimeout:        time.Minute,
			MaxIdleConnsPerHost:    2,
			MaxResponseHeaderBytes: 64 << 10,
			Protocols:              protocols,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend/secure"
	"segue/config"
	proxy "segue/proxy"
)

// certificates are what Segue shows of itself to those who connect by TLS.
type certificates struct {
	clients, api presented
}

// presented is one of them, as the configuration has it.
type presented struct {
	of     config.TLS                    // which server was made of; whoever reloads has it
	server atomic.Pointer[secure.Server] // nil: there is no TLS
}

// renew has s be as t says. It stays as it is, with the keys of sessions that may be resumed, if t says nothing new.
func (s *presented) renew(t config.TLS, names func() []string) error {
	if s.of.Same(t) {
		return nil
	}
	var server *secure.Server
	if t.On() {
		o, err := t.Server, error(nil)
		if t.SelfSigned {
			o.Certificate, o.Key, err = secure.SelfSigned(names(), time.Now())
		}
		if err == nil {
			server, err = secure.NewServer(o)
		}
		if err != nil {
			return err
		}
	}
	s.of = t
	s.server.Store(server)
	return nil
}

// renewCertificates has the listeners show what c says.
func (a *app) renewCertificates(c *config.Config) error {
	names := func() []string {
		list := []string{"localhost", "127.0.0.1", "::1"}
		if name, err := os.Hostname(); err == nil {
			list = append(list, name)
		}
		for _, l := range c.Listen {
			if host, _, err := net.SplitHostPort(l.Address); err == nil {
				list = append(list, host)
			}
		}
		return list
	}
	if err := a.certificates.clients.renew(c.TLS, names); err != nil {
		return wrap("tls", err)
	}
	return wrap("admin_tls", a.certificates.api.renew(c.AdminTLS, names))
}

// proxyOptions are those of c, with what is made of it.
func (a *app) proxyOptions(c *config.Config) proxy.Options {
	o := c.Proxy
	o.TLS = proxy.TLS{Server: a.certificates.clients.server.Load(), Required: c.TLS.Mode == config.TLSRequired}
	o.Translates = c.Discover.Active() && c.BackendTLS.Mode().Wants()
	for _, b := range c.Backends {
		o.Translates = o.Translates || b.TLS.Mode().Wants() || strings.HasPrefix(b.Address, "unix:")
	}
	return o
}

var expiryDesc = prometheus.NewDesc("segue_tls_certificate_expiry_timestamp_seconds",
	"When the certificate expires that Segue shows to those who connect.", []string{"listener"}, nil)

// Describe implements prometheus.Collector.
func (c *certificates) Describe(to chan<- *prometheus.Desc) { to <- expiryDesc }

// Collect implements prometheus.Collector.
func (c *certificates) Collect(to chan<- prometheus.Metric) {
	for name, s := range map[string]*presented{"clients": &c.clients, "admin": &c.api} {
		if server := s.server.Load(); server != nil {
			to <- prometheus.MustNewConstMetric(expiryDesc, prometheus.GaugeValue, float64(server.NotAfter().Unix()), name)
		}
	}
}

// expiryLook is how often certificates are looked at.
const expiryLook = 12 * time.Hour

// watchExpiry warns of certificates that expire soon, until ctx is done: what the configuration warns of when it is loaded may be long ago.
func (c *certificates) watchExpiry(ctx context.Context, log *slog.Logger) {
	t := time.NewTicker(expiryLook)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			c.warnOfExpiry(now, log)
		}
	}
}

func (c *certificates) warnOfExpiry(now time.Time, log *slog.Logger) {
	for name, s := range map[string]*presented{"clients": &c.clients, "admin": &c.api} {
		if server := s.server.Load(); server != nil && server.NotAfter().Sub(now) < config.ExpirySoon {
			log.Warn("a certificate expires soon", "listener", name, "at", server.NotAfter())
		}
	}
}

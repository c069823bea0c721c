package facts

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"segue/backend"
)

// found is what a name was resolved to, and when.
type found struct {
	ips []string
	at  time.Time
}

// resolveAgain is for how long an answer is good enough.
const resolveAgain = 10 * time.Second

// resolve looks up the names of seeds: the cluster may know its nodes by addresses. What cannot be looked up stays as it was.
func (s *Source) resolve(ctx context.Context) {
	if s.hosts == nil {
		s.hosts = map[string]found{}
	}
	for _, seed := range s.Seeds {
		host := hostOf(seed.Address)
		if _, err := netip.ParseAddr(host); err == nil || time.Since(s.hosts[host].at) < resolveAgain {
			continue
		}
		within, cancel := context.WithTimeout(ctx, s.Timeout)
		if ips, err := net.DefaultResolver.LookupHost(within, host); err == nil {
			s.hosts[host] = found{ips, time.Now()}
		}
		cancel()
	}
}

// seedAt is the seed with that MySQL address, or whose name stands for it.
func (s *Source) seedAt(address string) *backend.Spec {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	for i := range s.Seeds {
		seed := &s.Seeds[i]
		if seed.Address == address {
			return seed
		}
		if name, at, wrong := net.SplitHostPort(seed.Address); err == nil && wrong == nil && at == port && slices.Contains(s.hosts[name].ips, host) {
			return seed
		}
	}
	return nil
}

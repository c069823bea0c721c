package facts

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"segue/backend"
	"segue/cmd/internal/rollout"
)

// found is what a name was resolved to, and when.
type found struct {
	ips []string
	at  time.Time
}

// resolveAgain is for how long an answer is good enough.
const resolveAgain = 10 * time.Second

// resolve looks up the names in addresses: the operator, the cluster and Segues may each know nodes by others. What cannot be looked up stays as it was.
func (s *Source) resolve(ctx context.Context, addresses ...string) {
	if s.hosts == nil {
		s.hosts = map[string]found{}
	}
	var hosts []string
	for _, address := range addresses {
		host := hostOf(address)
		if _, err := netip.ParseAddr(host); err != nil && time.Since(s.hosts[host].at) >= resolveAgain && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	answers := make([][]string, len(hosts))
	var asking sync.WaitGroup
	for i, host := range hosts {
		asking.Go(func() {
			within, cancel := context.WithTimeout(ctx, s.Timeout)
			defer cancel()
			answers[i], _ = net.DefaultResolver.LookupHost(within, host)
		})
	}
	asking.Wait()
	for i, host := range hosts {
		if answers[i] == nil {
			answers[i] = s.hosts[host].ips
		}
		s.hosts[host] = found{answers[i], time.Now()}
	}
}

// seedAddresses are those of the seeds.
func (s *Source) seedAddresses() (list []string) {
	for _, seed := range s.Seeds {
		list = append(list, seed.Address)
	}
	return list
}

// ips are the addresses that a host stands for; nil where it stands for several hosts, as a headless service does.
func (s *Source) ips(host string) []string {
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{host}
	}
	four, six := 0, 0
	for _, text := range s.hosts[host].ips {
		if ip, err := netip.ParseAddr(text); err == nil && ip.Unmap().Is4() {
			four++
		} else {
			six++
		}
	}
	if four > 1 || six > 1 {
		return nil
	}
	return s.hosts[host].ips
}

// alias gives nodes the addresses by which Segues have them, where these are others than the cluster's: a name or an address of the same host, or of a pod its name. What may be more
// than one node is none.
func (s *Source) alias(ctx context.Context, f *rollout.Facts) {
	var addresses []string
	for i := range f.Nodes {
		addresses = append(addresses, f.Nodes[i].Address)
	}
	for i := range f.Segues {
		for _, b := range f.Segues[i].Backends {
			addresses = append(addresses, b.Address)
		}
	}
	s.resolve(ctx, addresses...)
	for i := range f.Segues {
		for j := range f.Segues[i].Backends {
			b := &f.Segues[i].Backends[j]
			if n := s.nodeAt(f.Nodes, b); n != nil && n.Address != b.Address && !slices.Contains(n.Aliases, b.Address) {
				n.Aliases = append(n.Aliases, b.Address)
			}
		}
	}
}

// nodeAt is the one node that a Segue's backend is; nil: none, or it may be several.
func (s *Source) nodeAt(list []rollout.Node, b *rollout.SegueBackend) *rollout.Node {
	for _, is := range []func(n *rollout.Node) bool{
		func(n *rollout.Node) bool { return n.Address == b.Address },
		func(n *rollout.Node) bool { return s.sameHost(n.Address, b.Address) },
		func(n *rollout.Node) bool {
			pod, _, inDomain := strings.Cut(n.Host, ".")
			return inDomain && pod == b.Name && portOf(n.Address) == portOf(b.Address)
		},
	} {
		var one *rollout.Node
		several := false
		for i := range list {
			if n := &list[i]; n.Address != "" && is(n) {
				several = one != nil
				one = n
			}
		}
		if one != nil {
			if several {
				return nil
			}
			return one
		}
	}
	return nil
}

// sameHost tells whether two addresses have the same port of the same host.
func (s *Source) sameHost(a, b string) bool {
	if portOf(a) != portOf(b) {
		return false
	}
	ips := s.ips(hostOf(b))
	return slices.ContainsFunc(s.ips(hostOf(a)), func(ip string) bool { return slices.Contains(ips, ip) })
}

// Strangers are the seeds that are none of the nodes that the cluster has told of, by no address that their names stand for: that of a balancer, say, or a name of several nodes. There are
// none where a cluster tells of none.
func (s *Source) Strangers(f *rollout.Facts) (list []backend.Spec) {
	if !f.Told {
		return nil
	}
	for _, seed := range s.Seeds {
		if !slices.ContainsFunc(f.Nodes, func(n rollout.Node) bool {
			return n.Address != "" && n.ErrMsg != notListed && (n.Address == seed.Address || s.sameHost(n.Address, seed.Address))
		}) {
			list = append(list, seed)
		}
	}
	return list
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// seedAt is the seed with that MySQL address, or whose name stands for it.
func (s *Source) seedAt(address string) *backend.Spec {
	if address == "" {
		return nil
	}
	for i := range s.Seeds {
		seed := &s.Seeds[i]
		if seed.Address == address || s.sameHost(seed.Address, address) {
			return seed
		}
	}
	return nil
}

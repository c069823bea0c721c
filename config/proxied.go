package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"segue/backend/proxyheader"
)

// What proxy_protocol says, beside the names of the versions.
const autoVersion = "auto"

// sendWords are what may be said of the header that is sent.
func sendWords() []string {
	return []string{proxyheader.None.String(), autoVersion, proxyheader.V1.String(), proxyheader.V2.String()}
}

// networks reads a list of networks, and `unix`.
func (p *parser) networks(into *proxyheader.Networks) func(*yaml.Node) {
	const remedy = "write networks as in 10.0.0.0/8, addresses as in 192.0.2.7, or unix"
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = listShape(shape{"type": "string", "minLength": 1})
			return
		}
		if n.Kind != yaml.SequenceNode {
			p.report(n, p.key(n)+" is "+kindOf(n)+", not a list", remedy)
			return
		}
		*into = proxyheader.Networks{}
		for _, item := range n.Content {
			switch prefix, err := parseNetwork(item.Value); {
			case item.Kind == yaml.ScalarNode && item.Value == "unix":
				into.Unix = true
			case item.Kind != yaml.ScalarNode || err != nil:
				p.report(item, p.key(n)+" has "+kindOf(item)+", which is no network", remedy)
			case prefix.Masked() != prefix:
				p.report(item, fmt.Sprintf("%s: %s is an address in a network", p.key(n), item.Value), fmt.Sprintf("did you mean %q?", prefix.Masked()))
			default:
				into.Prefixes = append(into.Prefixes, prefix)
			}
		}
	}
}

// parseNetwork reads a network, or an address alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4In6() {
		return p, err
	}
	if p.Bits() < mappedBits {
		return p, errors.New("a network of IPv4 addresses and others")
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits), nil
}

// mappedBits are those in front of an IPv4 address that is written as one of IPv6.
const mappedBits = 96

// networksText is a list of networks in words.
func networksText(n proxyheader.Networks) string {
	var all []string
	for _, prefix := range n.Prefixes {
		all = append(all, prefix.String())
	}
	if n.Unix {
		all = append(all, "unix")
	}
	return strings.Join(all, ", ")
}

// reported tells whether there is a problem at the place of n already.
func (p *parser) reported(n *yaml.Node) bool {
	return slices.ContainsFunc(p.problems, func(o Problem) bool { return o.Line == n.Line && o.Column == n.Column })
}

// checkProxyProtocol fills in the header that is sent to a backend: what is said of it, or else of all.
func (p *parser) checkProxyProtocol(e *entry, d *document) {
	n, word := p.where["proxy_protocol.send"], d.config.SendProxy
	if e.proxy != nil {
		if !p.word(e.proxy, sendWords()) {
			return
		}
		n, word = e.proxy, e.proxy.Value
	}
	v := proxyheader.V2
	isUnix := e.address != nil && strings.HasPrefix(e.address.Value, unixPrefix)
	switch flavor := d.config.Flavor; {
	case word == autoVersion && isUnix: // servers take headers by TCP alone, or from whom they are told to; attributes tell
		v = proxyheader.None
	case word == autoVersion && flavor.IsFE():
		v = proxyheader.V1
	case word == autoVersion:
	case v.UnmarshalText([]byte(word)) != nil:
		return
	case v == proxyheader.V2 && flavor.IsFE() && !p.reported(n):
		p.report(n, fmt.Sprintf("proxy_protocol: %s, and servers of the flavor %s read version 1 alone", word, flavor), "write v1, or auto")
	}
	e.spec.ProxyProtocol = v
}

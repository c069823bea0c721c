package kube

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// Slice is what is read of an EndpointSlice (discovery.k8s.io/v1).
type Slice struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	AddressType string          `json:"addressType"` // IPv4, IPv6, FQDN
	Endpoints   []SliceEndpoint `json:"endpoints"`
	Ports       []SlicePort     `json:"ports"`
}

// SlicePort is a port that all endpoints of a slice have.
type SlicePort struct {
	Name *string `json:"name"`
	Port *int32  `json:"port"` // nil: all ports
}

// SliceEndpoint is an endpoint as a slice has it.
type SliceEndpoint struct {
	Addresses  []string        `json:"addresses"` // only the first one has a meaning
	Conditions SliceConditions `json:"conditions"`
	Hostname   string          `json:"hostname"`
	NodeName   string          `json:"nodeName"`
	Zone       string          `json:"zone"`
	TargetRef  struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
		UID  string `json:"uid"`
	} `json:"targetRef"`
}

// SliceConditions are an endpoint's conditions. nil is that nobody knows.
type SliceConditions struct {
	Ready       *bool `json:"ready"`       // nil counts as true
	Serving     *bool `json:"serving"`     // nil counts as ready
	Terminating *bool `json:"terminating"` // nil counts as false
}

// Endpoint is one server behind a service.
type Endpoint struct {
	// Name is the pod's name, or the address of an endpoint that is no pod. It is unique, and a StatefulSet's pods keep theirs when they are replaced.
	Name string `json:"name"`
	// UID is the pod's; empty: none. A pod that replaces another has another one.
	UID string `json:"uid,omitempty"`
	// Addresses are host:port, one per family of a dual-stack service, IPv4 first.
	Addresses []string `json:"addresses"`
	// HTTP is the first address with the other port that was asked for; empty: none was, or the slice has none.
	HTTP string `json:"http,omitempty"`
	// Leaving is that the pod terminates: the API server says so when its deletion is asked for, ahead of the first signal to its processes.
	Leaving bool `json:"leaving"`
	// Ready is that the pod is ready by its own probes, whether or not it is leaving (the condition serving).
	Ready bool `json:"ready"`
	// Zone and Node are where it runs; empty: not known.
	Zone string `json:"zone,omitempty"`
	Node string `json:"node,omitempty"`
}

// ParseSlices reads EndpointSlices.
func ParseSlices(objects []json.RawMessage) ([]Slice, error) {
	list := make([]Slice, len(objects))
	for i, object := range objects {
		if err := json.Unmarshal(object, &list[i]); err != nil {
			return nil, fmt.Errorf("parse EndpointSlice: %w", err)
		}
	}
	return list, nil
}

// Merge makes endpoints of all slices of a service, ordered by name. port is a number, the name of one of the slices' ports, or empty for the only one that they
// have. A slice without that port has no endpoint; where none has it, the error says which ports there are. http is the port, likewise, of [Endpoint.HTTP]; empty: none.
//
// An endpoint may be in several slices at a time, while the control plane moves it, and be newer in one of them. A pod that terminates in one of them
// terminates: there is no way back. Where two pods of one name are told of, the one that does not terminate has replaced the other.
func Merge(list []Slice, port, http string) ([]Endpoint, error) {
	merged := make(map[identity]*member)
	found, offered := len(list) == 0, []string(nil)
	for i := range list {
		s := &list[i]
		number, ok := s.port(port)
		if !ok {
			offered = append(offered, s.ports()...)
			continue
		}
		found = true
		web := ""
		if http != "" {
			web, _ = s.port(http)
		}
		for j := range s.Endpoints {
			if m, ok := s.member(&s.Endpoints[j], number, web); ok {
				m.into(merged)
			}
		}
	}
	if !found {
		slices.Sort(offered)
		return nil, fmt.Errorf("find port %q in EndpointSlices: they have %q", port, slices.Compact(offered))
	}
	return endpoints(merged), nil
}

// port finds the wanted port in the slice.
func (s *Slice) port(wanted string) (string, bool) {
	if n, err := strconv.Atoi(wanted); err == nil {
		return wanted, n > 0 && n <= 65535
	}
	if wanted == "" && len(s.Ports) != 1 {
		return "", false
	}
	for _, p := range s.Ports {
		if p.Port != nil && *p.Port > 0 && *p.Port <= 65535 && (wanted == "" || p.Name != nil && *p.Name == wanted) {
			return strconv.Itoa(int(*p.Port)), true
		}
	}
	return "", false
}

// ports names the slice's ports, for whoever wants another one.
func (s *Slice) ports() []string {
	var names []string
	for _, p := range s.Ports {
		switch {
		case p.Name != nil && *p.Name != "":
			names = append(names, *p.Name)
		case p.Port != nil:
			names = append(names, strconv.Itoa(int(*p.Port)))
		}
	}
	return names
}

// member is an endpoint that is being put together.
type member struct {
	Endpoint
	v4, v6, name string // addresses by family; name: one that is none
	web          string // port of HTTP; empty: none
}

// member reads one endpoint; false: it has no usable address.
func (s *Slice) member(e *SliceEndpoint, port, web string) (*member, bool) {
	if len(e.Addresses) == 0 || e.Addresses[0] == "" {
		return nil, false
	}
	host := e.Addresses[0]
	m := &member{web: web, Endpoint: Endpoint{
		Name: host, Leaving: is(e.Conditions.Terminating, false), Ready: is(e.Conditions.Serving, is(e.Conditions.Ready, true)),
		Zone: e.Zone, Node: e.NodeName,
	}}
	if e.TargetRef.Kind == "Pod" && e.TargetRef.Name != "" {
		m.Name, m.UID = e.TargetRef.Name, e.TargetRef.UID
	}
	address := net.JoinHostPort(host, port)
	if s.AddressType == "FQDN" {
		m.name = address
		return m, true
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil || ip.Zone() != "":
		return nil, false
	case ip.Unmap().Is4():
		m.v4 = address
	default:
		m.v6 = address
	}
	return m, true
}

func is(condition *bool, otherwise bool) bool {
	if condition == nil {
		return otherwise
	}
	return *condition
}

// identity tells endpoints apart: pods of a StatefulSet have the names of those that they replace.
type identity struct{ name, uid string }

// into puts m beside what is known of the same endpoint. The result does not depend on who comes first.
func (m *member) into(merged map[identity]*member) {
	known, ok := merged[identity{m.Name, m.UID}]
	if !ok {
		merged[identity{m.Name, m.UID}] = m
		return
	}
	known.Leaving = known.Leaving || m.Leaving
	known.Ready = known.Ready && m.Ready
	known.web = least(known.web, m.web)
	known.v4, known.v6, known.name = least(known.v4, m.v4), least(known.v6, m.v6), least(known.name, m.name)
	known.Zone, known.Node = least(known.Zone, m.Zone), least(known.Node, m.Node)
}

// replaces tells which of two pods of one name is there now.
func (m *member) replaces(other *member) bool {
	if m.Leaving != other.Leaving {
		return other.Leaving
	}
	return m.UID > other.UID // nothing tells; but always the same one
}

// least gives the lesser text of those that are not empty.
func least(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return min(a, b)
}

func endpoints(merged map[identity]*member) []Endpoint {
	latest := make(map[string]*member, len(merged))
	for _, m := range merged {
		if other, ok := latest[m.Name]; !ok || m.replaces(other) {
			latest[m.Name] = m
		}
	}
	list := make([]Endpoint, 0, len(latest))
	for _, m := range latest {
		for _, address := range []string{m.v4, m.v6, m.name} {
			if address != "" {
				m.Addresses = append(m.Addresses, address)
			}
		}
		if host, _, err := net.SplitHostPort(m.Addresses[0]); err == nil && m.web != "" {
			m.HTTP = net.JoinHostPort(host, m.web)
		}
		list = append(list, m.Endpoint)
	}
	slices.SortFunc(list, func(a, b Endpoint) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

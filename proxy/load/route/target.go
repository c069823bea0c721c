package route

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Known is who redirects may lead to.
type Known struct {
	Nodes     []string          // "host:port" of BEs and CNs, as the cluster tells
	Frontends []string          // "host:port" of the FEs' HTTP ports
	Allowed   []string          // configured beside them: "host:port", "host", or "*"
	Addresses map[string]string // what FEs call a node, "host:port" or "host" → where it is reached; without a port it keeps the one that it had. Its names are allowed
}

// Target is where a redirect leads.
type Target struct {
	Name     string // "host:port" as the FE calls it
	Address  string // "host:port" at which it is reached
	URI      string // path and query to send there
	TLS      bool
	Frontend bool // an FE: the leader
}

// StrangerError is that a redirect leads to somebody who is not known.
type StrangerError struct {
	Name string // "host:port"
}

func (e *StrangerError) Error() string {
	host, _, _ := net.SplitHostPort(e.Name)
	return fmt.Sprintf("an FE redirects to %s, which neither SHOW BACKENDS nor SHOW COMPUTE NODES nor the configuration names: it is not followed, since whoever it is would get the client's password. "+
		"If it is right, name it: load.nodes: [%s], or load.addresses: {%s: ADDRESS} where it is reached elsewhere", e.Name, host, host)
}

// Redirect reads a Location. What leads elsewhere than to those who are known is a [StrangerError]. A user and password in it (Doris once put them there) are dropped.
func (k Known) Redirect(location string) (Target, error) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.Hostname() == "" {
		return Target{}, fmt.Errorf("an FE redirects to what is no address of HTTP") // not quoted: it may hold a password
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	t, err := k.Reach(net.JoinHostPort(u.Hostname(), port))
	t.URI, t.TLS = u.RequestURI(), u.Scheme == "https"
	return t, err
}

// Reach says where somebody is reached who is called name, "host:port". It errs as [Known.Redirect].
func (k Known) Reach(name string) (Target, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil || host == "" || !digits(port) || strings.ContainsAny(host, "/@?#\\ \t\r\n\x00") {
		return Target{}, fmt.Errorf("%.80q is no HOST:PORT", name)
	}
	t := Target{Name: net.JoinHostPort(host, port), Frontend: among(k.Frontends, host, port)}
	t.Address = t.Name
	mapped := k.mapped(t.Name, host)
	switch {
	case mapped != "":
		t.Address = withPort(mapped, port)
		if h, p, err := net.SplitHostPort(t.Address); err == nil {
			t.Frontend = t.Frontend || among(k.Frontends, h, p)
		}
	case t.Frontend, among(k.Nodes, host, port), among(k.Allowed, host, port):
	default:
		return Target{}, &StrangerError{Name: t.Name}
	}
	return t, nil
}

// Log is [Known.Reach] for a node that a client names, to read an error log of it: it must be a BE or CN, named with its port by the cluster or the configuration.
// What "*", or a host without a port, allows to FEs is not allowed to clients: they could have Segue ask any port.
func (k Known) Log(name string) (Target, error) {
	t, err := k.Reach(name)
	if err != nil {
		return t, err
	}
	host, port, _ := net.SplitHostPort(t.Name)
	named := func(entries []string) bool {
		return slices.ContainsFunc(entries, func(entry string) bool {
			h, p, err := net.SplitHostPort(entry)
			return err == nil && p == port && strings.EqualFold(h, host)
		})
	}
	if t.Frontend || !named(k.Nodes) && !named(k.Allowed) && !named(slices.Collect(maps.Keys(k.Addresses))) {
		return Target{}, &StrangerError{Name: t.Name}
	}
	return t, nil
}

// mapped finds a name among the addresses: host and port before host alone.
func (k Known) mapped(name, host string) string {
	for _, n := range [...]string{name, host} {
		for from, to := range k.Addresses {
			if strings.EqualFold(from, n) {
				return to
			}
		}
	}
	return ""
}

// among says whether list has host:port, or host without a port, or "*".
func among(list []string, host, port string) bool {
	for _, entry := range list {
		if entry == "*" || strings.EqualFold(strings.Trim(entry, "[]"), host) {
			return true
		}
		if h, p, err := net.SplitHostPort(entry); err == nil && p == port && strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// withPort gives an address the port that it lacks.
func withPort(address, port string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), port)
}

func digits(port string) bool {
	if port == "" || len(port) > 5 {
		return false
	}
	return strings.Trim(port, "0123456789") == ""
}

package backend

import (
	"strings"

	"segue/backend/discover/nodes"
	"segue/backend/proxyheader"
	"segue/backend/secure"
)

// DefaultWeight is the weight of a backend whose [Spec] says nothing; MaxWeight is the greatest (as in HAProxy).
const (
	DefaultWeight = 1
	MaxWeight     = 256
)

// Spec is what the configuration says about one backend.
type Spec struct {
	// Name is the backend's name in commands, logs and metrics. It is unique.
	Name string `json:"name" yaml:"name"`
	// Address is the MySQL address, "host:port" or "unix:PATH".
	Address string `json:"address" yaml:"address"`
	// HealthURL is asked for the backend's health; empty: no HTTP check. It may carry user:password@, so it stays out of
	// JSON.
	HealthURL string `json:"-" yaml:"health"`
	// Weight is the backend's share of the sessions relative to the others, 1 to MaxWeight. Zero means DefaultWeight.
	Weight int `json:"weight" yaml:"weight"`
	// TLS is how connections to the backend are secured; nil: they are not.
	TLS *secure.Policy `json:"-" yaml:"-"`
	// ProxyProtocol is the header with which every connection to the backend begins. None: it begins with none.
	ProxyProtocol proxyheader.Version `json:"proxy_protocol,omitempty" yaml:"proxy_protocol"`
	// Zone is where the backend stands: any word, compared with that of Segue. Empty: not known.
	Zone string `json:"zone,omitempty" yaml:"zone"`
	// Role and Version are what its cluster says of it; empty: nothing.
	Role    nodes.Role `json:"role,omitempty" yaml:"-"`
	Version string     `json:"version,omitempty" yaml:"-"`
	// Source is what has found it, a few words; empty: the configuration names it.
	Source string `json:"source,omitempty" yaml:"-"`
	// Leaving says why it is about to go, although it may still be up; empty: it is not. It is as one that is stopping.
	Leaving string `json:"leaving,omitempty" yaml:"-"`
	// Formerly is the name that it had until now, if it is the same server by another name. [Registry.Apply] alone looks at it.
	Formerly string `json:"-" yaml:"-"`
}

// normal gives the spec with its defaults filled in and its weight within bounds.
func (s Spec) normal() Spec {
	if s.Weight == 0 {
		s.Weight = DefaultWeight
	}
	s.Weight = min(max(s.Weight, 1), MaxWeight)
	return s
}

// Facts are what the last greeting of a backend said about it.
type Facts struct {
	// Known is false until a first greeting has been read.
	Known bool `json:"known"`
	// Capabilities are the CLIENT_* flags of its HandshakeV10, ExtCapabilities those that MariaDB adds in the filler.
	Capabilities    uint32 `json:"capabilities"`
	ExtCapabilities uint32 `json:"ext_capabilities"`
	// ServerVersion is the version text of its HandshakeV10.
	ServerVersion string `json:"server_version"`
	// Charset and AuthPlugin are what else it offers to whoever logs in.
	Charset    uint8  `json:"charset"`
	AuthPlugin string `json:"auth_plugin"`
}

// The capabilities by which greetings tell servers apart.
const (
	longPassword = 1 << 0  // CLIENT_LONG_PASSWORD
	transactions = 1 << 13 // CLIENT_TRANSACTIONS
	sessionTrack = 1 << 23 // CLIENT_SESSION_TRACK
)

// Flavors are those that the greeting gives away: servers say what they are in their version, or by capabilities that the others do not have. Empty if it does
// not tell.
func (f Facts) Flavors() []Flavor {
	version := strings.ToLower(f.ServerVersion)
	for word, flavor := range map[string]Flavor{"tidb": TiDB, "mariadb": MySQL, "doris": Doris, "starrocks": StarRocks} {
		if strings.Contains(version, word) {
			return []Flavor{flavor}
		}
	}
	switch {
	case !f.Known:
		return nil
	case f.Capabilities&sessionTrack != 0:
		return []Flavor{MySQL}
	case f.Capabilities&(longPassword|transactions) == 0:
		return []Flavor{StarRocks, Doris}
	}
	return nil
}

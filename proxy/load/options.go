package load

import (
	"crypto/tls"
	"time"

	"segue/proxy/load/route"
)

// Options say how loads are served. The zero value of a field means its default, where one is named.
type Options struct {
	Follow      bool          // redirects to BEs and CNs are followed here; false: clients get them
	Buffer      int64         // bytes of a body that are kept to send it again; default 16 MiB; below 0: none
	Memory      int64         // bytes of bodies kept, of all loads together; default 256 MiB; below 0: none
	Connections int           // clients at a time; default 4096
	Header      time.Duration // within which a request's head must have come; default 10 s
	Progress    time.Duration // the longest that a body may stand still; default 5 min
	Dial        time.Duration // for one connection to an FE, BE or CN; default 2 s
	Budget      time.Duration // how long nodes are tried before the client is told that none takes its load; default 10 s
	Hold        time.Duration // how long a request waits for a leader to be elected, or for any usable FE; default 10 s
	Flavor      string        // starrocks or doris: how they differ is in route and outcome
	// Addresses maps what FEs call a BE or CN, "host:port" or "host", to the address at which Segue reaches it, for NAT and Kubernetes. A name without a port keeps the port that it had.
	Addresses map[string]string
	// Nodes are BEs and CNs beside those that [Cluster.Nodes] tells of, "host:port" or "host"; "*" is any: redirects are followed to nobody else.
	Nodes []string
	// TLS is how FEs, BEs and CNs are talked to that are to be by https; nil: as the system trusts. Its ServerName is set for each.
	TLS *tls.Config
}

// The defaults.
const (
	defaultBuffer      = 16 << 20
	defaultMemory      = 256 << 20
	defaultConnections = 4096
	defaultHeader      = 10 * time.Second
	defaultProgress    = 5 * time.Minute
	defaultDial        = 2 * time.Second
	defaultBudget      = 10 * time.Second
	defaultHold        = 10 * time.Second
)

// answerTime is for how long a load may go on behind its last byte where it does not say so itself: the timeout that StarRocks has for it
// (stream_load_default_timeout_second), and a margin.
const (
	answerTime   = 10 * time.Minute
	answerMargin = time.Minute
)

// filled has the defaults put in.
func (o Options) filled() *Options {
	orElse(&o.Buffer, defaultBuffer)
	orElse(&o.Memory, defaultMemory)
	orElse(&o.Connections, defaultConnections)
	orElse(&o.Header, defaultHeader)
	orElse(&o.Progress, defaultProgress)
	orElse(&o.Dial, defaultDial)
	orElse(&o.Budget, defaultBudget)
	orElse(&o.Hold, defaultHold)
	return &o
}

func orElse[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

func (o *Options) flavor() route.Flavor {
	if o.Flavor == "doris" {
		return route.Doris
	}
	return route.StarRocks
}

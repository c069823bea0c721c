package load

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/proxy/ledger"
)

// Options say how loads are served. The zero value of a field means its default, where one is named.
type Options struct {
	Follow      bool          // redirects to BEs and CNs are followed here; false: clients get them
	Buffer      int64         // bytes of a body that are kept to send it again; default 16 MiB
	Memory      int64         // bytes of bodies kept, of all loads together; default 256 MiB
	Connections int           // clients at a time; default 4096
	Header      time.Duration // within which a request's head must have come; default 10 s
	Progress    time.Duration // the longest that a body may stand still; default 5 min
	Dial        time.Duration // for one connection to an FE, BE or CN
	Budget      time.Duration // how long nodes are tried before the client is told that none takes its load
	Hold        time.Duration // how long a request waits for a leader to be elected, or for any usable FE
	Flavor      string        // starrocks or doris: how they differ is in route and outcome
	// Addresses maps what FEs call a BE or CN, "host:port" or "host", to the address at which Segue reaches it, for NAT and Kubernetes. A name without a port keeps the port that it had.
	Addresses map[string]string
	// Nodes are BEs and CNs beside those that [Cluster.Nodes] tells of, "host:port" or "host"; "*" is any: redirects are followed to nobody else.
	Nodes []string
}

// Frontend is one FE, as health, the operator and discovery know it.
type Frontend struct {
	Name    string
	Address string // "host:port" of its HTTP port
	TLS     bool   // https
	Up      bool   // it answers
	Leaving bool   // it is about to go, or the operator has taken it out: it gets no new load
	Leader  bool   // as far as is known
}

// Node is one BE or CN, as SHOW BACKENDS and SHOW COMPUTE NODES tell.
type Node struct {
	Host    string
	Port    int // of its HTTP server
	Compute bool
	Alive   bool
	Leaving bool // StatusCode SHUTDOWN, decommissioned, or taken out
}

// Cluster is what is known of who there is. Its methods may be called by anyone at any time and do not block.
type Cluster interface {
	Frontends() []Frontend
	Nodes() []Node
	Changed() <-chan struct{} // closed at the next change
}

// Load is one load or transaction in flight.
type Load struct {
	ID       uint64    `json:"id"`
	Client   string    `json:"client"` // address
	User     string    `json:"user"`
	Kind     string    `json:"kind"` // load, begin, txn_load, prepare, commit, rollback, …
	Database string    `json:"database"`
	Table    string    `json:"table"`
	Label    string    `json:"label"`
	State    string    `json:"state"`    // frontend, node, body, answer, resolving, open (a transaction between two requests)
	Frontend string    `json:"frontend"` // name of the FE that it came through
	Node     string    `json:"node"`     // "host:port" of the BE or CN
	Since    time.Time `json:"since"`
	In       int64     `json:"in"`       // bytes of the body
	Attempts int       `json:"attempts"` // on how many nodes it has been tried
}

// Server serves loads on any number of listeners.
type Server struct {
	cluster Cluster
	ledger  *ledger.Ledger
	log     *slog.Logger
}

// NewServer makes a server. It registers its metrics, and enters what fails into the ledger.
func NewServer(o Options, cluster Cluster, failures *ledger.Ledger, log *slog.Logger, metrics prometheus.Registerer) *Server {
	return &Server{cluster: cluster, ledger: failures, log: log}
}

// SetOptions changes how requests that come from now on are served.
func (s *Server) SetOptions(o Options) {}

// Listen has the server accept on ln too (TLS and PROXY protocol are ln's affair), from Serve on. It is closed where that is over.
func (s *Server) Listen(ln net.Listener) {}

// Unlisten closes a listener that the server accepts on. Loads that have come by it go on.
func (s *Server) Unlisten(ln net.Listener) {}

// Serve serves until ctx is done, closes its listeners, and returns when all loads have ended; Close ends those that are left.
func (s *Server) Serve(ctx context.Context) error { return nil }

// Close ends all loads now.
func (s *Server) Close() {}

// Loads are those in flight, the oldest first.
func (s *Server) Loads() []Load { return nil }

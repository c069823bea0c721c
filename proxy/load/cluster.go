package load

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

package load

import (
	"sync"
	"sync/atomic"
	"time"
)

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

// The states of a load.
const (
	atFrontend = "frontend"
	atNode     = "node"
	atBody     = "body"
	atAnswer   = "answer"
	resolving  = "resolving"
	isOpen     = "open"
)

// flight is a load in flight, as others see it.
type flight struct {
	in atomic.Int64
	mu sync.Mutex // guards what follows
	is Load
}

func (f *flight) load() Load {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.is
	l.In = f.in.Load()
	return l
}

// set changes what others see.
func (f *flight) set(change func(*Load)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.is)
}

// at says where the load is.
func (f *flight) at(state string) { f.set(func(l *Load) { l.State = state }) }

// take off and land: others see the load, and no more.
func (s *Server) takeOff(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flights[f.is.ID] = f
}

func (s *Server) land(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flights, f.is.ID)
}

package load

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend/dial"
	"segue/proxy/ledger"
)

// Server serves loads on any number of listeners.
type Server struct {
	cluster Cluster
	ledger  *ledger.Ledger
	log     *slog.Logger
	metrics *metrics
	options atomic.Pointer[Options]

	ids       atomic.Uint64
	turn      atomic.Uint64 // whose FE is the next
	room      room
	avoided   avoided
	leader    hint
	open      transactions
	dialed    dial.Memory
	witnesses witnesses
	refused   seldom
	refusing  atomic.Int64 // clients that are being told that there are too many

	base context.Context // is done when all is to end now
	cut  context.CancelFunc

	work sync.WaitGroup // goroutines of listeners and clients

	mu      sync.Mutex            // guards what follows
	doors   map[net.Listener]bool // that are accepted on, or will be; false: closed, and those are still served who have come before
	serving bool
	ended   bool // by each connection one request more is served, at most
	ousted  int  // clients that have no place any more, and are about to go
	clients map[*client]struct{}
	flights map[uint64]*flight
}

// NewServer makes a server. It registers its metrics, and enters what fails into the ledger.
func NewServer(o Options, cluster Cluster, failures *ledger.Ledger, log *slog.Logger, metrics prometheus.Registerer) *Server {
	s := &Server{
		cluster: cluster, ledger: failures, log: log,
		doors: map[net.Listener]bool{}, clients: map[*client]struct{}{}, flights: map[uint64]*flight{},
	}
	s.base, s.cut = context.WithCancel(context.Background())
	s.metrics = newMetrics(metrics, s)
	s.SetOptions(o)
	return s
}

// SetOptions changes how requests that come from now on are served.
func (s *Server) SetOptions(o Options) { s.options.Store(o.filled()) }

// Listen has the server accept on ln too (TLS and PROXY protocol are ln's affair), from Serve on. It is closed where that is over; what has come by then may be accepted still, until
// Accept says [net.ErrClosed]. Where not even that is waited for it is closed once more.
func (s *Server) Listen(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		_ = ln.Close()
		return
	}
	s.doors[ln] = true
	if s.serving {
		s.work.Go(func() { s.attend(ln) })
	}
}

// Unlisten closes a listener that the server accepts on. Loads that have come by it go on.
func (s *Server) Unlisten(ln net.Listener) {
	s.mu.Lock()
	if s.doors[ln] = false; !s.serving {
		delete(s.doors, ln)
	}
	s.mu.Unlock()
	_ = ln.Close()
}

// unheld forgets a listener.
func (s *Server) unheld(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.doors, ln)
}

// Serve serves until ctx is done, closes its listeners, and returns when all loads have ended; Close ends those that are left. It is called once.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	s.serving = true
	for ln := range s.doors {
		s.work.Go(func() { s.attend(ln) })
	}
	s.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-s.base.Done():
	}
	s.drain()
	s.work.Wait()
	s.cut()
	return nil
}

// drain takes no client any more, and has those go that are between two requests.
func (s *Server) drain() {
	s.mu.Lock()
	s.ended = true
	doors := make([]net.Listener, 0, len(s.doors))
	for ln, open := range s.doors {
		if open {
			doors, s.doors[ln] = append(doors, ln), false
		}
	}
	s.mu.Unlock()
	for _, ln := range doors {
		_ = ln.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		switch {
		case c.resting && c.fresh:
			c.readWithin(min(s.options.Load().Header, freshTime))
		case c.resting:
			c.interrupt() // under the lock: one that gets a request now is served
		}
	}
}

// draining tells whether no further request is to come by a connection.
func (s *Server) draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// Close ends all loads now.
func (s *Server) Close() {
	s.cut()
	s.mu.Lock()
	s.ended = true
	clients := make([]*client, 0, len(s.clients))
	for c := range s.clients {
		clients = append(clients, c)
	}
	doors := slices.Collect(maps.Keys(s.doors))
	s.mu.Unlock()
	for _, ln := range doors {
		_ = ln.Close() // once more, maybe: nobody is waited for
	}
	for _, c := range clients {
		_ = c.Close()
	}
}

// Loads are those in flight, the oldest first.
func (s *Server) Loads() []Load {
	s.mu.Lock()
	flights := make([]*flight, 0, len(s.flights))
	for _, f := range s.flights {
		flights = append(flights, f)
	}
	s.mu.Unlock()
	loads := s.open.loads()
	for _, f := range flights {
		loads = append(loads, f.load())
	}
	slices.SortFunc(loads, func(a, b Load) int {
		if n := a.Since.Compare(b.Since); n != 0 {
			return n
		}
		return int(a.ID) - int(b.ID)
	})
	return loads
}

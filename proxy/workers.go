package proxy

import (
	"slices"
	"sync"
	"time"
)

// workerSet are a server's workers. There is one at the least, and the first is always there: it accepts. One that is to be no more becomes spare: it gets no new
// sessions, passes on those that it has as these can go, and ends when it has none.
type workerSet struct {
	mu     sync.Mutex // guards what follows, and is held by whoever changes Server.workers
	wanted int
	begin  func(w *worker) // has it run; nil: not now
	spent  time.Duration   // that those have worked which have ended
}

// SetLoops sets how many event loops share the sessions, one at the least. It may be called at any time: nothing is lost by it.
func (s *Server) SetLoops(n int) {
	s.workerSet.mu.Lock()
	defer s.workerSet.mu.Unlock()
	s.workerSet.wanted = n
	if err := s.resize(); err != nil {
		s.log.Error("begin event loop", "cause", err)
	}
}

// Busy is how long all event loops together have worked so far.
func (s *Server) Busy() time.Duration {
	s.workerSet.mu.Lock()
	defer s.workerSet.mu.Unlock()
	busy := s.workerSet.spent
	for _, w := range s.running() {
		busy += w.loop.Busy()
	}
	return busy
}

// startWorkers begins with the first workers. begin has one run.
func (s *Server) startWorkers(begin func(w *worker)) error {
	s.workerSet.mu.Lock()
	defer s.workerSet.mu.Unlock()
	s.workerSet.begin = begin
	return s.resize()
}

// startNoMore lets no more workers begin.
func (s *Server) startNoMore() {
	s.workerSet.mu.Lock()
	defer s.workerSet.mu.Unlock()
	s.workerSet.begin = nil
}

// resize makes workers, or makes some spare, until there are as many as are wanted. It needs crew.mu.
func (s *Server) resize() error {
	if s.workerSet.begin == nil {
		return nil
	}
	var serve, spare []*worker
	for _, w := range s.running() {
		switch {
		case !w.spare.Load():
			serve = append(serve, w)
		case !w.loop.Retiring():
			spare = append(spare, w)
		}
	}
	for wanted := max(s.workerSet.wanted, 1); len(serve) != wanted; {
		switch last := len(serve) - 1; {
		case len(serve) > wanted:
			serve[last].spare.Store(true)
			serve[last].post(serve[last].passOn)
			serve = serve[:last]
		case len(spare) > 0:
			spare[0].spare.Store(false)
			serve, spare = append(serve, spare[0]), spare[1:]
		default:
			w, err := newWorker(s)
			if err != nil {
				return err
			}
			all := append(slices.Clip(s.running()), w)
			s.workers.Store(&all)
			s.workerSet.begin(w)
			w.post(w.catchUp) // behind Store, so that it misses nothing that is told to all
			serve = append(serve, w)
		}
	}
	return nil
}

// retire ends a spare worker that has no session, and to which none is coming.
func (s *Server) retire(w *worker) {
	s.workerSet.mu.Lock()
	defer s.workerSet.mu.Unlock()
	if w.spare.Load() && w.loop.Assigned() == 0 {
		w.loop.Retire()
	}
}

// retired forgets a worker whose loop has ended because it had nothing left.
func (s *Server) retired(w *worker) {
	s.workerSet.mu.Lock()
	defer s.workerSet.mu.Unlock()
	if w.loop.Retiring() {
		s.workerSet.spent += w.loop.Busy()
		all := slices.DeleteFunc(slices.Clone(s.running()), func(x *worker) bool { return x == w })
		s.workers.Store(&all)
	}
}

// leastLoaded is the worker with the fewest sessions, of those that take any; w where others have no fewer.
func (s *Server) leastLoaded(w *worker) *worker {
	least := w
	for _, other := range s.running() {
		if !other.spare.Load() && (least.spare.Load() || other.loop.Assigned() < least.loop.Assigned()) {
			least = other
		}
	}
	return least
}

// catchUp looks at what has been told to all workers before this one could hear it.
func (w *worker) catchUp() {
	w.paused = w.server.paused.Load()
	w.server.guarded("review", w.review)
}

// passOn is what a spare worker does now and then: its sessions go to others.
func (w *worker) passOn() {
	if !w.spare.Load() {
		return
	}
	for _, s := range slices.Clone(w.all) {
		if !s.transferDue() {
			s.transferTo(w.server.leastLoaded(w))
		} else {
			s.tryTransfer()
		}
	}
	w.server.retire(w)
}

package proxy

import "sync"

// transfers are those of sessions from one worker to another. Whoever looks at the sessions of all workers, one worker after the other, suspends them meanwhile:
// else one that is transferred would be seen twice, or not at all. It holds a lock while it decides, and never waits.
type transfers struct {
	mu        sync.Mutex // guards what follows
	open      []*session
	suspended int      // looks at all sessions, finished ones not counted: no transfer starts
	waiting   []func() // … that begin when no transfer is open any more
}

// start starts the transfer of s, if it may.
func (f *transfers) start(s *session) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.suspended > 0 {
		return false
	}
	f.open = append(f.open, s)
	return true
}

// ended is the end of a transfer.
func (f *transfers) ended(s *session) {
	for _, begin := range f.remove(s) {
		begin()
	}
}

// remove returns those that have waited for this.
func (f *transfers) remove(s *session) (begin []func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.open) - 1
	for i, other := range f.open {
		if other == s {
			f.open[i] = f.open[last]
			f.open[last], f.open = nil, f.open[:last]
			break
		}
	}
	if len(f.open) == 0 {
		begin, f.waiting = f.waiting, nil
	}
	return begin
}

// suspend calls begin, once, when no transfer is open: before it returns, or when the last one ends. None starts from then on until resume. begin must
// not block.
func (f *transfers) suspend(begin func()) {
	f.mu.Lock()
	f.suspended++
	if len(f.open) > 0 {
		f.waiting = append(f.waiting, begin)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	begin()
}

// resume is the end of a look.
func (f *transfers) resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.suspended--
}

// unfinished are those whose transfers are open, for a simulation, in which nobody else can end them.
func (f *transfers) unfinished() []*session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*session(nil), f.open...)
}

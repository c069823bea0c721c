package proxy

import "time"

// share is what one worker has done lately.
type share struct {
	busy   float64 // the part of the time for which its loop has worked
	active int     // sessions that had something to do
}

const (
	crowdedAt = 0.5  // below this part of the time nobody waits long for a loop
	fullAt    = 0.7  // above it what sessions would do with more of a loop does not show in the time
	busyGap   = 0.25 // that is worth a transfer
	activeGap = 4    // a part of the sessions that is, if loops have no time left
)

// evenOut says how many sessions that have something to do are to be transferred from which worker to which, so that each has to wait for its loop as long as others;
// 0: none. Pure.
//
// Loops that have time left are to work for as long as each other. Of clients that wait for one answer to ask the next each loop takes as much as it can: so loops
// that have none left are to have as many sessions as each other.
func evenOut(shares []share) (from, to, n int) {
	for i, s := range shares {
		if most := shares[from]; s.busy > most.busy {
			from = i
		}
		if least := shares[to]; s.busy < least.busy {
			to = i
		}
	}
	if len(shares) < 2 || shares[from].busy < crowdedAt {
		return from, to, 0
	}
	if gap := shares[from].busy - shares[to].busy; gap >= busyGap && shares[from].active > 1 {
		return from, to, max(1, int(float64(shares[from].active)*gap/2/shares[from].busy))
	}
	if shares[to].busy < fullAt {
		return from, to, 0
	}
	from, to = 0, 0
	for i, s := range shares {
		if s.active > shares[from].active {
			from = i
		}
		if s.active < shares[to].active {
			to = i
		}
	}
	if gap := shares[from].active - shares[to].active; gap >= 2 && gap*activeGap > shares[from].active {
		return from, to, gap / 2
	}
	return from, to, 0
}

// evening is what is remembered of the workers from one look to the next.
type evening struct {
	at   time.Time
	busy map[*worker]time.Duration
	rest int // looks that are to pass before sessions are transferred again: what the last have brought is to show first
}

const (
	// evenRest is how many looks that is.
	evenRest = 3
	// mostTransfers is how many sessions are transferred in one go.
	mostTransfers = 128
)

// look transfers sessions where that evens out what the workers have to do.
func (e *evening) look(s *Server, now time.Time) {
	if len(s.running()) < 2 {
		e.busy = nil
		return
	}
	all, shares := e.shares(s, now)
	if e.rest > 0 {
		e.rest--
		return
	}
	busiest := 0.0
	for _, x := range shares {
		busiest = max(busiest, x.busy)
	}
	if len(all) < 2 || busiest < crowdedAt { // it is not worth a look at the sessions
		return
	}
	at := map[*worker]*share{}
	for i, w := range all {
		at[w] = &shares[i]
	}
	s.ask(func(w *worker) {
		if x := at[w]; x != nil {
			x.active = w.active()
		}
	})
	from, to, n := evenOut(shares)
	if n == 0 {
		return
	}
	e.rest = evenRest
	s.log.Debug("sessions pass to another event loop", "sessions", min(n, mostTransfers), "busy", shares[from].busy, "there", shares[to].busy)
	w := all[from]
	w.post(func() { w.send(min(n, mostTransfers), all[to]) })
}

// shares are those of the workers that are not spare.
func (e *evening) shares(s *Server, now time.Time) (all []*worker, shares []share) {
	before, took := e.busy, now.Sub(e.at)
	e.at, e.busy = now, map[*worker]time.Duration{}
	for _, w := range s.running() {
		busy := w.loop.Busy()
		e.busy[w] = busy
		if was, known := before[w]; known && took > 0 && !w.spare.Load() {
			all, shares = append(all, w), append(shares, share{busy: float64(busy-was) / float64(took)})
		}
	}
	return all, shares
}

// active is how many sessions have had something to do since the last look.
func (w *worker) active() (n int) {
	for _, s := range w.all {
		if w.isActive(s) {
			n++
		}
	}
	return n
}

// isActive reports whether a session has had something to do since the last look.
func (*worker) isActive(s *session) bool { return s.w.now()-s.since < int64(tendEvery) }

// send has n sessions that have something to do pass to another worker.
func (w *worker) send(n int, to *worker) {
	for _, s := range append([]*session(nil), w.all...) {
		switch {
		case s.transferDue():
			s.transferTo(nil) // those that did not get to it since they were last told to
		case n > 0 && s.commanding() && w.isActive(s) && s.mayTransferAgain():
			n--
			s.transferTo(to)
		}
	}
}

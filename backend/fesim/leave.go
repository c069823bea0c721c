package fesim

import (
	"time"

	"segue/backend"
)

// leave is the graceful exit, from the moment health has changed to the death.
func (l *life) leave() death {
	l.fe.log.Info("fe leaves", "generation", l.opts.Generation)
	switch l.opts.Flavor {
	case backend.Doris:
		return l.leaveDoris()
	case backend.TiDB:
		return l.leaveTiDB()
	case backend.StarRocks, backend.MySQL:
	}
	return l.leaveStarRocks(time.Now())
}

// leaveStarRocks is StarRocksFEServer.handleGracefulExit.
func (l *life) leaveStarRocks(t0 time.Time) death {
	limit := l.opts.MaxExit
	if l.opts.Generation == G4 {
		l.closeMySQL()
		limit += l.opts.AcceptWindow // a guess: the window comes on top
	}
	timeout := time.NewTimer(l.opts.scaled(limit))
	defer timeout.Stop()
	late := death{code: exitRefused, reset: true, partial: true}
	if elected := l.handOver(); elected != nil {
		select {
		case <-elected:
		case <-timeout.C:
			return late
		case d := <-l.fatal:
			return d
		}
	}
	tick := time.NewTicker(l.opts.tick(l.opts.Sweep))
	defer tick.Stop()
	for {
		l.sweep(t0)
		if len(l.all()) == 0 && time.Since(t0) > l.opts.scaled(l.opts.MinExit) && !l.awaitsLoads() {
			return death{code: exitDone}
		}
		select {
		case <-tick.C:
		case <-timeout.C:
			return late
		case d := <-l.fatal:
			return d
		}
	}
}

// handOver gives up leadership, if this is a leader of generation G2, and returns a channel that is closed when there is another leader; nil if
// there is nothing to wait for.
func (l *life) handOver() <-chan struct{} {
	if l.opts.Generation != G2 || !l.fe.cluster.resign(l.fe) {
		return nil
	}
	leader, changed := l.fe.cluster.watch()
	if leader != nil {
		return nil
	}
	return changed
}

// sweep closes idle sessions (ConnectScheduler.closeAllIdleConnection). G1 to G3 do not ask whether one is in a transaction.
func (l *life) sweep(t0 time.Time) {
	now := time.Now()
	spared := l.opts.Generation == G4 && now.Sub(t0) < l.opts.scaled(l.opts.AcceptWindow+l.opts.MinExit)
	race := l.fe.faults().CloseRace
	for _, s := range l.all() {
		if s.sweep(now, l.opts.scaled(l.opts.Idle), spared, race) {
			l.fe.count(func(st *Stats) { st.Swept++ })
		}
	}
}

// CloseIdle closes, by a bare FIN, all sessions that have finished a command and are not executing one, in transactions or not: what the first
// sweep of a graceful exit does, without any 500. It returns how many there were; within a moment they are closed.
func (f *FE) CloseIdle() (n int) {
	l := f.current()
	if l == nil {
		return 0
	}
	now := time.Now()
	for _, s := range l.all() {
		if s.sweep(now, -time.Hour, false, 0) {
			n++
		}
	}
	f.count(func(st *Stats) { st.Swept += n })
	return n
}

// leaveDoris waits for running statements only: the port stays open, sessions stay.
func (l *life) leaveDoris() death {
	return l.waitUntil(l.opts.MaxExit, func() bool {
		for _, s := range l.all() {
			if s.busy() {
				return false
			}
		}
		return true
	}, death{code: exitDone}, death{code: exitDone, reset: true})
}

// leaveTiDB serves on for GracefulWait, then closes the ports, then ends each session at its next command outside a transaction.
func (l *life) leaveTiDB() death {
	if d, ok := l.pause(l.opts.GracefulWait); !ok {
		return d
	}
	l.closing.Store(true) // first, so that who finds the ports closed finds the rest done
	l.closeMySQL()
	l.health.stopListening()
	return l.waitUntil(l.opts.MaxExit, func() bool {
		for _, s := range l.all() {
			if s.busy() || s.inTransaction() {
				return false
			}
		}
		return true
	}, death{code: exitDone}, death{code: exitDone})
}

// waitUntil looks each second whether the FE may go; limit is the longest it waits.
func (l *life) waitUntil(limit time.Duration, free func() bool, done, late death) death {
	timeout := time.NewTimer(l.opts.scaled(limit))
	defer timeout.Stop()
	tick := time.NewTicker(l.opts.tick(time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if free() {
				return done
			}
		case <-timeout.C:
			return late
		case d := <-l.fatal:
			return d
		}
	}
}

// closeTimedOut ends sessions idle for longer than their wait_timeout (ConnectScheduler's TimeoutChecker).
func (l *life) closeTimedOut() {
	now := time.Now()
	for _, s := range l.all() {
		s.closeTimedOut(now)
	}
}

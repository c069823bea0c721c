package proxy

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/counts"
	"segue/proxy/login"
	"segue/proxy/loop"
)

// worker is a loop with the sessions that belong to it. Everything of it is touched by its loop alone, but for post and spare.
type worker struct {
	server     *Server
	loop       *loop.Loop
	rand       *rand.Rand
	unforeseen func(b []byte) // fills b with random bytes that nobody can foresee; a simulation's come from rand
	all        []*session
	folds      map[*backend.Backend]*fold
	order      []*fold     // of folds
	closing    *drain      // Segue itself is stopping
	paused     bool        // the operator holds all statements
	stepped    bool        // its loop is not run: a simulation steps it
	spare      atomic.Bool // it is to have no sessions: see crew

	clients counts.Bytes                         // of clients' connections
	counts  map[*backend.Backend]*counts.Backend // of backends'

	waiters  waiters    // those with a statement that waits
	resuming lobby      // those that connect during a pause
	resting  lobby      // those that will look for a backend again
	curious  []*session // those whose backends are to be asked something
	told     []*session // those that were told to move by the last plan of the balance

	ended    chan struct{} // closed when the loop has ended
	chores   loop.Timer    // every tendEvery
	deadline loop.Timer    // the next drain's
	searched int64

	shakes   []*login.Handshake // spare ones
	alarms   []*alarms          // … too
	out      login.Output
	kept     [2][][]byte // spare buffers: see takeKept
	scratch1 []byte
}

// fold holds the sessions of one backend that belong to one worker, those still being set up included.
type fold struct {
	backend  *backend.Backend
	sessions []*session
	drain    *drain
	crowd    *crowd // those who connect
	suspect  bool   // its connections are
	at       int
}

// now is the time since the server's start in nanoseconds, as of the loop's last look at the clock.
func (w *worker) now() int64 { return w.loop.Now() }

// post has f run on the worker's loop. It may be called by anyone. It reports false if the loop has ended: f does not run then.
func (w *worker) post(f func()) bool { return w.loop.Post(loop.Func(func(*loop.Loop) { f() })) }

// Expired implements loop.TimerOwner.
func (w *worker) Expired(t *loop.Timer) {
	if t == &w.deadline {
		w.server.guarded("review", w.review)
		return
	}
	w.tend()
}

// attached notes that a session uses a backend.
func (w *worker) attached(s *session, b *backend.Backend) {
	f := w.folds[b]
	if f == nil {
		f = &fold{backend: b, crowd: w.server.crowdOf(b), at: len(w.order)}
		w.folds[b] = f
		w.order = append(w.order, f)
	}
	s.on = int32(len(f.sessions))
	f.sessions = append(f.sessions, s)
}

// detached notes that it no longer does.
func (w *worker) detached(s *session, b *backend.Backend) {
	f := w.folds[b]
	if f == nil || s.on < 0 {
		return
	}
	last := len(f.sessions) - 1
	f.sessions[s.on] = f.sessions[last]
	f.sessions[s.on].on = s.on
	f.sessions[last], f.sessions = nil, f.sessions[:last]
	s.on = -1
	if len(f.sessions) > 0 {
		return
	}
	delete(w.folds, b)
	w.server.leaveCrowd(b)
	end := len(w.order) - 1
	w.order[f.at] = w.order[end]
	w.order[f.at].at = f.at
	w.order[end], w.order = nil, w.order[:end]
	if b.Status().Removed {
		w.server.lookAgain() // its metrics can go
	}
}

// add takes a session in.
func (w *worker) add(s *session) {
	s.all = int32(len(w.all))
	w.all = append(w.all, s)
	w.loop.Assign()
}

// remove lets one go that has ended, or belongs to another worker from now on.
func (w *worker) remove(s *session) {
	last := len(w.all) - 1
	w.all[s.all] = w.all[last]
	w.all[s.all].all = s.all
	w.all[last], w.all = nil, w.all[:last]
	if s.curious {
		w.curious = slices.DeleteFunc(w.curious, func(c *session) bool { return c == s })
	}
	w.loop.Release()
}

// left is the end of a session.
func (w *worker) left(s *session) {
	w.server.ended(s)
	if b := s.backend(); b != nil { // behind the metrics: those of a removed backend are forgotten with its last session
		w.detached(s, b)
	}
	w.remove(s)
	w.server.forgetID(s.id)
}

// session is the one whose client sees the id; nil: there is none. KILLs are rare, and look at all of them anyway.
func (w *worker) session(id uint32) *session {
	for _, s := range w.all {
		if s.id == id {
			return s
		}
	}
	return nil
}

// takeKept lends a buffer for a copy of n bytes of a statement.
func (w *worker) takeKept(n int) []byte {
	class, size := 0, smallKept
	if n > smallKept {
		class, size = 1, maxKept
	}
	free := w.kept[class]
	if len(free) == 0 {
		return make([]byte, 0, size)
	}
	last := len(free) - 1
	b := free[last]
	free[last], w.kept[class] = nil, free[:last]
	return b
}

// smallKept is what most statements fit into.
const smallKept = 512

// spareKept is how many buffers of each kind a worker keeps for later, a megabyte of each at most: as many statements as that may run at a
// time without garbage.
func spareKept() [2]int { return [2]int{1 << 20 / smallKept, 1 << 20 / maxKept} }

func (w *worker) giveKept(b []byte) {
	class := 0
	if cap(b) > smallKept {
		class = 1
	}
	if len(w.kept[class]) < spareKept()[class] {
		w.kept[class] = append(w.kept[class], b[:0])
	}
}

// scratch is a copy of b that lasts until the next call.
func (w *worker) scratch(b []byte) []byte {
	w.scratch1 = append(w.scratch1[:0], b...)
	return w.scratch1
}

// waiters are sessions with a statement that waits.
type waiters struct{ list []*session }

func (l *waiters) add(s *session) {
	s.waits = int32(len(l.list))
	l.list = append(l.list, s)
}

func (l *waiters) remove(s *session) {
	last := len(l.list) - 1
	l.list[s.waits] = l.list[last]
	l.list[s.waits].waits = s.waits
	l.list[last], l.list = nil, l.list[:last]
}

// lobby is where those wait who connect.
type lobby struct{ list []*connecting }

// waitIn has c wait there until it goes on.
func (c *connecting) waitIn(l *lobby) {
	c.leaveLobby()
	c.lobby, c.place = l, len(l.list)
	l.list = append(l.list, c)
}

// leaveLobby ends a wait, if there is one.
func (c *connecting) leaveLobby() {
	l := c.lobby
	if l == nil {
		return
	}
	c.lobby = nil
	last := len(l.list) - 1
	l.list[c.place] = l.list[last]
	l.list[c.place].place = c.place
	l.list[last], l.list = nil, l.list[:last]
}

// review looks at each backend that has sessions and begins, ends or enforces their drains.
func (w *worker) review() {
	now := time.Now()
	alternative := w.server.alternative()
	var again time.Time
	w.closing = w.server.stopping()
	for _, f := range append([]*fold(nil), w.order...) {
		d := w.server.intent(f.backend, alternative, now)
		before := f.drain
		f.drain = d
		to := d
		if w.closing != nil {
			to = w.closing // there is no staying on a backend that comes back
		}
		sessions := append([]*session(nil), f.sessions...)
		if to != nil || before != nil {
			for _, s := range sessions {
				s.tell(to, spread(f.backend.Sessions()))
			}
		}
		down := f.backend.Status().Health == backend.Down
		f.tighten(down)
		if down && alternative {
			for _, s := range sessions {
				s.hurry(f.backend)
			}
			again = earlier(again, now.Add(hangEvery))
		}
		again = earlier(again, w.enforce(d, sessions, now))
	}
	if w.closing != nil {
		w.endDetached(w.closing)
		again = earlier(again, w.enforce(w.closing, append([]*session(nil), w.all...), now))
	}
	w.loop.Stop(&w.deadline)
	if !again.IsZero() {
		w.loop.Arm(&w.deadline, w, w.loop.Now()+int64(max(time.Until(again), 0)))
	}
	w.wakeWaiting()
}

// spread is the time over which n idle sessions leave: a StarRocks FE that is leaving closes them within milliseconds, and the
// others must not be overrun.
func spread(n int) time.Duration { return min(time.Duration(n)*time.Millisecond, 400*time.Millisecond) }

// enforce cuts what a drain has left when its time is over, and otherwise returns when that will be. Sessions that are
// still being set up have other backends to go to, unless all is over.
func (w *worker) enforce(d *drain, sessions []*session, now time.Time) time.Time {
	if d == nil || d.optional {
		return time.Time{}
	}
	if now.Before(d.deadline) {
		return d.deadline
	}
	for _, s := range sessions {
		if d.end == Shutdown || s.commanding() {
			s.cut(Timeout, errDrainTimeout, "the statement was cut at the end of drain.timeout, for "+d.cause.Error()+"; its outcome is unknown")
		}
	}
	return time.Time{}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// joined is called when a session on b enters its command phase: b may have begun to leave before.
func (w *worker) joined(s *session, b *backend.Backend) {
	if w.closing != nil {
		s.tell(w.closing, 0)
		return
	}
	if f := w.folds[b]; f != nil && f.drain != nil {
		s.tell(f.drain, 0)
	} else if _, leaving := b.Leaving(); leaving {
		w.server.lookAgain()
	}
}

// tendEvery is how often a worker looks at its sessions.
const tendEvery = 250 * time.Millisecond

// pingAfter is how long a pinned session on a leaving FE may be silent before Segue says COM_PING for it: well within the
// second after which the FE would close it, and its transaction with it.
const pingAfter = 400 * time.Millisecond

// tend keeps pinned sessions alive, has backends asked for what they alone know, and looks for clients that have vanished.
func (w *worker) tend() {
	w.server.guarded("keep alive", w.keepAlive)
	w.server.guarded("inquire", w.inquire)
	if now := w.now(); now-w.searched >= int64(searchEvery) {
		w.searched = now
		w.server.guarded("search", func() { w.searchVanished(goneAfter) })
	}
	w.loop.Arm(&w.chores, w, w.loop.Now()+int64(tendEvery))
	w.server.guarded("pass on", w.passOn)
}

// keepAlive speaks for pinned sessions that wait for their clients on a StarRocks FE that is leaving: it closes whatever
// has been idle for a second, open transactions included, and counts COM_PING as a command (ConnectContext.isIdleLastFor).
func (w *worker) keepAlive() {
	if w.server.options().Flavor != backend.StarRocks {
		return
	}
	for _, f := range w.order {
		if f.backend.Status().Health == backend.Stopping {
			for _, s := range f.sessions {
				w.ping(s, pingAfter)
			}
		}
	}
}

// ping keeps a pinned session from being idle in the eyes of a backend that closes idle ones, if it has been silent for so long.
func (w *worker) ping(s *session, after time.Duration) {
	now := w.now()
	if s.end != Open || s.state != Pinned || s.errand != nil || s.track.Outstanding() > 0 || s.track.OwnOutstanding() || now-max(s.since, s.back.pinged) < int64(after) {
		return
	}
	s.back.pinged = now
	s.track.Own(wire.ComPing)
	s.back.write(comPing) // what fails shows when the answer is read
}

// cut ends all sessions now.
func (w *worker) cut() {
	for _, s := range append([]*session(nil), w.all...) {
		s.cut(Shutdown, errStopped, "segue was stopped while the statement ran; its outcome is unknown")
	}
}

// resume lets the statements go that the operator has held, and the clients that connect.
func (w *worker) resume() {
	if w.paused = w.server.paused.Load(); w.paused { // again
		return
	}
	for _, s := range append([]*session(nil), w.waiters.list...) {
		s.client.again()
	}
	for _, s := range w.all {
		s.noteHeld() // it may wait to run a statement again
	}
	for _, c := range append([]*connecting(nil), w.resuming.list...) {
		if c.lobby == &w.resuming {
			c.clientSpoke()
			c.next()
		}
	}
}

// holdBack lets those know that wait at the gate that no backend could take them.
func (w *worker) holdBack() {
	for _, s := range append([]*session(nil), w.all...) {
		if d, ok := s.errand.(*departure); ok && d.step == atGate {
			d.look()
		}
	}
}

// wakeWaiting lets those look again who wait for a backend: something has changed.
func (w *worker) wakeWaiting() {
	for _, c := range append([]*connecting(nil), w.resting.list...) {
		if c.lobby == &w.resting {
			c.next()
		}
	}
	for _, s := range append([]*session(nil), w.all...) {
		if d, ok := s.errand.(*departure); ok {
			d.look()
		}
	}
}

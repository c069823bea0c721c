package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"segue/backend"
	"segue/proxy/track"
)

// The texts of a server's stored functions, procedures, triggers and views are read by a session of each account, while it is idle, and then again from
// time to time: see track.Programs, and census for what is asked. A session that is told to leave before that has been done stays until it has.

const (
	// programsFor is how long they are believed to be the same. What is defined through Segue makes it shorter: see track.Changes.
	programsFor = time.Minute
	// programsShare is how many times as long as it takes to read them they are believed at least, and changedShare where some have been defined.
	programsShare = 100
	changedShare  = 20
	// programsEnd is when they are believed no more, if no session could read them again.
	programsEnd = 10 * time.Minute
	// programsAgain is when they are read again where that has not come to an end. It doubles, up to mostAgain.
	programsAgain = 10 * time.Second
	mostAgain     = 5 * time.Minute

	// mostFailures is after how many readings that have come to nothing sessions do without, for programsEnd: nobody is kept where it is by a server that does not tell.
	mostFailures = 4

	maxCatalogs = 1 << 12
	maxReading  = 4 // at a time
)

// programs are what is known of those of all servers.
type programs struct {
	changes track.Changes
	reading atomic.Int32 // that are being read

	mu       sync.Mutex
	catalogs map[catalogKey]*track.Catalog
}

// catalogKey is one account on one server.
type catalogKey struct {
	backend *backend.Backend
	user    string
}

// of gives the catalog of an account on a backend.
func (p *programs) of(b *backend.Backend, user string) *track.Catalog {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := catalogKey{b, user}
	c := p.catalogs[key]
	if c == nil {
		if p.catalogs == nil || len(p.catalogs) >= maxCatalogs { // sessions keep theirs
			p.catalogs = map[catalogKey]*track.Catalog{}
		}
		c = track.NewCatalog(&p.changes)
		p.catalogs[key] = c
	}
	return c
}

// resume has a catalog that was given up be read again, once it is time.
func resume(c *track.Catalog, now int64) {
	if c.GivenUp() && now >= c.Reads.Due.Load() {
		c.Resume()
	}
}

// giveUp has sessions do without a catalog that could not be read time and again, and reports whether it has.
func giveUp(c *track.Catalog, now int64) bool {
	if c.GivenUp() || c.Reads.Failures.Load() < mostFailures || c.Programs() != nil || !isDue(c, now) {
		return false
	}
	c.Reads.Due.Store(now + int64(programsEnd))
	c.GiveUp()
	return true
}

// elsewhere gives those of an account on other backends.
func (p *programs) elsewhere(all []*backend.Backend, than *backend.Backend, user string) (list []*track.Catalog) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range all {
		if c := p.catalogs[catalogKey{b, user}]; c != nil && b != than {
			list = append(list, c)
		}
	}
	return list
}

// catalogue gives a session the catalog of its account on a backend, in which it looks its statements up, if programs are to be read. Without one nothing of this happens.
func (s *session) catalogue(o *track.Options, b *backend.Backend) {
	if s.w.server.options().StoredPrograms == ProgramsRead && (o.Dialect == track.MySQL || o.Dialect == track.MariaDB) {
		o.Catalog = s.w.server.programs.of(b, s.who.user())
		resume(o.Catalog, s.w.now())
	}
}

// isDue reports whether a catalog is to be read.
func isDue(c *track.Catalog, now int64) bool {
	if c == nil {
		return false
	}
	due := c.Reads.Due.Load()
	if due == 0 { // it has never been looked at
		due = max(now, 1)
		c.Reads.Due.CompareAndSwap(0, due)
	}
	if now >= due {
		if last := c.Reads.Last.Load(); last != 0 && now-last >= int64(programsEnd) {
			c.Reads.Last.Store(0)
			c.Put(nil, 0)
		}
		return true
	}
	return now >= c.Reads.Soon.Load() && c.Programs() == nil
}

// claim has nobody else read it for some time, and reports whether nobody has before.
func (p *programs) claim(c *track.Catalog, now int64) bool {
	if !isDue(c, now) {
		return false
	}
	due := c.Reads.Due.Load()
	if p.reading.Add(1) > maxReading {
		p.reading.Add(-1)
		return false
	}
	again := now + int64(inquiryTimeout) + int64(min(mostAgain, programsAgain<<max(0, min(c.Reads.Failures.Load(), 8))))
	if !c.Reads.Due.CompareAndSwap(due, again) {
		p.reading.Add(-1)
		return false
	}
	c.Reads.Soon.Store(again)
	c.Reads.Failures.Add(1)
	return true
}

// unclaim lets others read it: who was to do it has gone.
func unclaim(c *track.Catalog, now int64) {
	c.Reads.Failures.Add(-1)
	c.Reads.Soon.Store(now)
	c.Reads.Due.Store(now)
}

// hasRead notes what has been read of it, which took so long.
func hasRead(c *track.Catalog, p *track.Programs, asOf, now, took int64) {
	c.Put(p, asOf)
	c.Reads.Failures.Store(0)
	c.Reads.Last.Store(max(now, 1))
	c.Reads.Soon.Store(now + max(int64(tendEvery), changedShare*took))
	c.Reads.Due.Store(now + max(int64(programsFor), programsShare*took))
}

// mayRead reports whether the session's catalog is to be read, and the session could. Who asks may wait for as long as inquiryTimeout, and lose its connection.
func (s *session) mayRead(now int64) bool {
	return isDue(s.track.Catalog(), now) && s.hasCredential()
}

// isCurious reports whether there is something to be asked of its backend, now or once that is due.
func (s *session) isCurious() bool {
	if s.track.Asking() {
		return true
	}
	return (s.track.Unjudged() || isDue(s.track.Catalog(), s.w.now())) && s.hasCredential()
}

// reads reports whether this is the moment for it. urgent: it is to leave its backend, and what its last statement has left behind goes anyhow. Otherwise its client may
// still ask for FOUND_ROWS(), so that those come first who have run nothing, or have been idle for long.
func (s *session) reads(now int64, urgent bool) bool {
	c := s.track.Catalog()
	if c == nil || !s.mayRead(now) || !s.track.MayRead() {
		return false
	}
	if giveUp(c, now) {
		s.w.server.log.Warn("a backend has not told time and again what stored functions, triggers and views it has: what they do to sessions of the account is not looked for",
			"backend", s.backendName(), "user", s.who.user(), "for", programsEnd)
		return false
	}
	if urgent {
		return true
	}
	known, due := c.Programs() != nil, c.Reads.Due.Load()
	if soon := c.Reads.Soon.Load(); !known && soon != 0 {
		due = min(due, soon)
	}
	overdue := time.Duration(now - due)
	if !s.track.Autocommits() && overdue < awaitsOthers {
		return false
	}
	return !s.track.Stirred() || now-s.since >= int64(programsPatience(overdue, known))
}

// awaitsOthers is for how long a session for which a question opens a transaction leaves it to others.
const awaitsOthers = 5 * time.Second

// programsPatience is for how long a session that has run something must have been idle to read, by how long that has been due. known: what is known still holds.
func programsPatience(overdue time.Duration, known bool) time.Duration {
	switch {
	case !known:
		return 200 * time.Millisecond
	case overdue < time.Minute:
		return 10 * time.Second
	}
	return time.Second
}

// unjudged reports whether it is not known what the session's statements have done unseen. Of a backend that cannot be asked the others of its cluster
// tell: they serve the same.
func (s *session) unjudged() bool {
	if !s.track.Unjudged() {
		return false
	}
	if b := s.backend(); b != nil && mute(b) {
		s.judgeElsewhere()
	}
	return s.track.Unjudged()
}

// followJudged notes that what an idle session has run, and has been judged only now, ties it to its backend, if so.
func (s *session) followJudged() bool {
	if s.state != Idle || s.errand != nil || s.track.Pinned() == "" {
		return false
	}
	s.follow()
	s.after(alarmBoundary, 0)
	return true
}

// judgeElsewhere has that judged by what is known of other backends, this one being lost.
func (s *session) judgeElsewhere() {
	if s.track.Unjudged() {
		server := s.w.server
		s.track.JudgeElsewhere(server.programs.elsewhere(server.registry.Backends(), s.backend(), s.who.user()))
		s.followJudged()
	}
}

// readsFirst has the first session of an account on a backend read, before it runs anything, and reports whether it does.
func (s *session) readsFirst() bool {
	c := s.track.Catalog()
	return c != nil && s.mayRead(s.w.now()) && c.Programs() == nil && (&inquiry{s: s}).begin()
}

// judgeFirst has the session's backend be asked for its programs before the session leaves it, by the session itself if it may. It reports whether that is so: then its
// client's statements wait.
func (s *session) judgeFirst() bool {
	if (&inquiry{s: s, urgent: true}).begin() {
		return true
	}
	wait := movePause / 4
	if c := s.track.Catalog(); c != nil && c.Reads.Failures.Load() > 1 { // they cannot be read
		s.w.server.notMoved(s, errUnjudged)
		wait = 2 * movePause
	}
	s.after(alarmBoundary, wait)
	return false
}

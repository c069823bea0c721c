package proxy

import (
	"math"
	"slices"
	"sync/atomic"

	"segue/backend"
)

// Every session goes by two kinds of ids: its own, which its client saw in the greeting, and that of its backend connection (thread_id in
// the manual), which CONNECTION_ID() and SHOW PROCESSLIST show and which a move changes.

// Segue's own ids begin where no server's are: MySQL and MariaDB count from 1, a StarRocks FE puts its number, which is small, into the
// upper eight bits, so that one id names one session. They fit into a signed integer, for clients that keep them in one.
const (
	firstID = 2_000_000_000
	lastID  = math.MaxInt32
)

// formerThreads is how many of the ids that a session had on backends before are remembered: drivers and applications ask for
// CONNECTION_ID() once.
const formerThreads = 4

// threads are the ids of a session's backend connections, that of the present one first; 0 is none. They are read by KILLs of other
// sessions, which look through all sessions, and so without a lock.
type threads [1 + formerThreads]atomic.Uint32

// become notes that the session has a new backend connection.
func (t *threads) become(id uint32) {
	for i := formerThreads; i > 0; i-- {
		t[i].Store(t[i-1].Load())
	}
	t[0].Store(id)
}

func (t *threads) current() uint32 { return t[0].Load() }

// has reports whether the session goes, or went, by id, and if it still does.
func (t *threads) has(id uint32) (found, current bool) {
	for i := range t {
		if t[i].Load() == id {
			return true, i == 0
		}
	}
	return false, false
}

// candidate is a session that a KILL may be meant for.
type candidate struct {
	session *session
	current bool // the id is that of its present backend connection
	here    bool // on the killer's own backend
	same    bool // it belongs to the killer's user
}

// choose tells which session a KILL is meant for: visible, the one whose client saw the id in its greeting, or one of those that have
// or had it on a backend; nil if none is. clash says that it cannot be told.
//
// Drivers use the id of the greeting, for sessions of their own user. Else the killer's own backend is asked for it, as it were: what
// SHOW PROCESSLIST shows there. On other backends the same id may well stand for something else: MySQL, MariaDB and Doris count for
// themselves. There it must belong to the killer's user, who has got it by CONNECTION_ID(), unless ids are unique within the cluster.
func choose(visible *candidate, others []candidate, unique bool) (who *session, clash bool) {
	if visible != nil && visible.same {
		return visible.session, false
	}
	for _, fits := range [...]func(candidate) bool{
		func(c candidate) bool { return c.current && (c.here || c.same) },
		func(c candidate) bool { return !c.current && c.same },
		func(c candidate) bool { return visible != nil && c == *visible },
		func(c candidate) bool { return unique && c.current },
		func(c candidate) bool { return unique },
	} {
		list := others
		if visible != nil {
			list = append(slices.Clip(list), *visible)
		}
		for _, c := range list {
			switch {
			case !fits(c):
			case who != nil && who != c.session:
				return nil, true
			default:
				who = c.session
			}
		}
		if who != nil {
			return who, false
		}
	}
	return nil, false
}

// called finds the session that goes by id for a KILL of s's. own and user are s's backend and user.
func (s *session) called(id uint64, own *backend.Backend, user string, flavor backend.Flavor) (who *session, clash bool) {
	short := uint32(id) // TiDB's may have 64 bits, of which its greeting carries the lower ones
	if id == 0 || short == 0 || id > math.MaxUint32 && flavor != backend.TiDB {
		return nil, false
	}
	var visible *candidate
	if c := (candidate{session: s.server.session(short)}); c.session != nil && id == uint64(short) && c.describe(own, user) {
		if visible = &c; c.same {
			return c.session, false
		}
	}
	var others []candidate
	for _, c := range s.server.named(short) {
		if c.describe(own, user) {
			others = append(others, c)
		}
	}
	return choose(visible, others, flavor == backend.TiDB || flavor == backend.StarRocks && id >= 1<<24)
}

// describe fills in where the session stands; it reports false if it is not in its command phase, and can be killed by nobody.
func (c *candidate) describe(own *backend.Backend, user string) bool {
	v := c.session
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.end != Open || v.pumping.Load() == 0 {
		return false
	}
	c.here, c.same = v.lease.Backend() == own, v.track.User() == user
	return true
}

// session is the one whose client saw id in its greeting; nil if there is none.
func (s *Server) session(id uint32) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// named lists the sessions that have, or had, id on a backend. It looks through all of them: such a KILL is rare.
func (s *Server) named(id uint32) (list []candidate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.sessions {
		if found, current := c.threads.has(id); found {
			list = append(list, candidate{session: c, current: current})
		}
	}
	return list
}

// enrol gives a session an id that no other has.
func (s *Server) enrol(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for taken := true; taken; _, taken = s.sessions[c.id] {
		if s.lastID++; s.lastID <= firstID || s.lastID > lastID {
			s.lastID = firstID + 1
		}
		c.id = s.lastID
	}
	s.sessions[c.id] = c
}

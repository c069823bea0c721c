package proxy

import "slices"

// Every session goes by two kinds of ids: its own, which its client saw in the greeting, and that of its backend connection (thread_id in
// the manual), which CONNECTION_ID() and SHOW PROCESSLIST show and which a move changes.

// Segue's own ids begin where no server's are: MySQL and MariaDB count from 1, a StarRocks FE puts its number, which is small, into the
// upper eight bits, so that one id names one session. They fit into a signed integer, for clients that keep them in one.
const (
	firstID = 2_000_000_000
	lastID  = 1<<31 - 1
)

// formerThreads is how many of the ids that a session had on backends before are remembered: drivers and applications ask for
// CONNECTION_ID() once.
const formerThreads = 4

// threads are the ids of a session's backend connections; 0 is none.
type threads struct {
	before *[formerThreads]uint32 // the latest first; nil: there were none
	now    uint32                 // that of the present one
	moves  uint32                 // how often the session has passed to another backend
}

// become notes that the session has a new backend connection.
func (t *threads) become(id uint32) {
	if t.now != 0 {
		if t.before == nil {
			t.before = new([formerThreads]uint32)
		}
		copy(t.before[1:], t.before[:])
		t.before[0] = t.now
	}
	t.now = id
}

func (t *threads) current() uint32 { return t.now }

// has reports whether the session goes, or went, by id, and if it still does.
func (t *threads) has(id uint32) (found, current bool) {
	if id == 0 || id == t.now {
		return id != 0, id != 0
	}
	return t.before != nil && slices.Contains(t.before[:], id), false
}

// candidate is a session that a KILL may be meant for.
type candidate struct {
	session *session
	far     *Victim // of another Segue's; then session is nil
	current bool    // the id is that of its present backend connection
	here    bool    // on the killer's own backend
	same    bool    // it belongs to the killer's user
}

// choose tells which session a KILL is meant for: visible, the one whose client saw the id in its greeting, or one of those that have
// or had it on a backend; nil if none is. clash says that it cannot be told.
//
// Drivers use the id of the greeting, for sessions of their own user. Else the killer's own backend is asked for it, as it were: what
// SHOW PROCESSLIST shows there. On other backends the same id may well stand for something else: MySQL, MariaDB and Doris count for
// themselves. There it must belong to the killer's user, who has got it by CONNECTION_ID(), unless ids are unique within the cluster.
func choose(visible *candidate, others []candidate, unique bool) (who *candidate, clash bool) {
	if visible != nil && visible.same {
		return visible, false
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
			case who != nil && (who.session != c.session || who.far != c.far):
				return nil, true
			default:
				who = &c
			}
		}
		if who != nil {
			return who, false
		}
	}
	return nil, false
}

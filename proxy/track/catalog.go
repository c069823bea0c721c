package track

import (
	"sync"
	"sync/atomic"
)

// Catalog is where sessions of one account on one server find its Programs, once these are known. What an account may see, and what its server tells,
// depends on the role and on the session_track_system_variables that a session has made its own: for each of these there is another one.
type Catalog struct {
	// When it is to be read is for its reader to say.
	Reads ReadingTimes

	programs atomic.Pointer[Programs]
	without  atomic.Bool  // see GiveUp
	fires    atomic.Bool  // a trigger of which the account sees nothing has run in one of its sessions
	spared   atomic.Int32 // how often sessions that may have run such had not
	changes  *Changes
	home     bool // it is that of sessions as they begin

	mu     sync.Mutex
	others map[string]*Catalog // by the settings that make the difference
}

// ReadingTimes are moments, in nanoseconds of its reader's clock.
type ReadingTimes struct {
	Due      atomic.Int64 // when it is to be read again
	Soon     atomic.Int64 // … where what was known has changed
	Last     atomic.Int64 // when it was
	Failures atomic.Int64 // readings since then that have come to nothing, and the one that is under way
}

// NewCatalog returns one in which nothing is known.
func NewCatalog(c *Changes) *Catalog { return &Catalog{changes: c, home: true} }

// Put makes p what is known, having been asked for when [Changes.Count] was n; nil: nothing is.
func (c *Catalog) Put(p *Programs, n int64) {
	if p == nil {
		c.programs.Store(nil)
		return
	}
	q := *p
	q.asOf = n
	c.programs.Store(&q)
}

// Programs are those that are known, nil if they are not, or have changed since.
func (c *Catalog) Programs() *Programs {
	p := c.programs.Load()
	if p == nil || p.asOf != c.changes.n.Load() {
		return nil
	}
	return p
}

// since are those that were asked for when [Changes.Count] was n or more, though others may have been defined meanwhile; nil: there are none.
func (c *Catalog) since(n int64) *Programs {
	if p := c.programs.Load(); p != nil && p.asOf >= n {
		return p
	}
	return nil
}

// GiveUp has sessions do without: nothing of what programs do to them is looked for, nor what they have done already, until [Catalog.Resume].
func (c *Catalog) GiveUp() {
	c.programs.Store(nil)
	c.without.Store(true)
}

// GivenUp reports whether they do.
func (c *Catalog) GivenUp() bool { return c.without.Load() }

// Resume has what they run from now on be judged, whatever their settings are.
func (c *Catalog) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.others {
		other.Resume()
	}
	c.Reads.Failures.Store(0)
	c.without.Store(false)
}

// firesNone reports whether the sessions of the account write to no table with a trigger, as far as its server and they have shown.
func (c *Catalog) firesNone() bool {
	if c == nil || c.fires.Load() {
		return c == nil
	}
	p := c.programs.Load()
	return c.spared.Load() >= enoughSpared || p != nil && p.calm
}

// enoughSpared is how many questions must have found that no trigger has run.
const enoughSpared = 20

// mostOthers bounds the settings that have a catalog of their own; more of them share one, of which nothing is ever known.
const mostOthers = 64

// under gives the catalog of sessions with such settings, "" for none.
func (c *Catalog) under(settings string) *Catalog {
	if settings == "" {
		return c
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	other := c.others[settings]
	if other == nil {
		if len(c.others) >= mostOthers {
			clear(c.others) // sessions find theirs again, once it has been read
		}
		if c.others == nil {
			c.others = map[string]*Catalog{}
		}
		other = &Catalog{changes: c.changes}
		c.others[settings] = other
	}
	return other
}

// Changes counts the statements of sessions, on all servers, that define programs.
type Changes struct{ n atomic.Int64 }

// Count is how many there have been.
func (c *Changes) Count() int64 { return c.n.Load() }

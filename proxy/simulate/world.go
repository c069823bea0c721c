package simulate

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"segue/backend"
	"segue/proxy/loop"
)

// Core is what is simulated: a server of package proxy, whose loop and tasks the world steps.
type Core interface {
	Accept(p loop.Player, from netip.AddrPort)
	Woken() bool
	Step()
	Due() (at int64, any bool)
	Changed() bool // Look is to be called, before long
	Look()
	Round() // every RoundEvery
	Pause(d time.Duration)
	Resume()
	Reload(n int)
	Stop()                                           // it is to end
	Check() error                                    // what always holds
	Describe()                                       // notes how it stands
	CheckEnd() error                                 // … when all clients have gone
	Killable(id uint32) bool                         // whether there is a session whose client knows it by this id, and that has logged in
	Owner(name string, thread uint32) (uint32, bool) // the id by which a session's client knows it that has this connection to a server
}

// RoundEvery is how often Core.Round is called.
const RoundEvery = 250 * time.Millisecond

// Options of a world.
type Options struct {
	Seed  uint64
	Lives int
	// Scenes are what is played beyond what all worlds do: see ScenesOf.
	Scenes Scenes
	// SkipLives and SkipIncidents are left out, by number.
	SkipLives, SkipIncidents []int
	// History has all be noted.
	History bool
}

func (Options) without(list []int, i int) bool { return slices.Contains(list, i) }

// World is everything but Segue.
type World struct {
	Kind Kind

	o        Options
	seed     uint64
	d        dice
	schedule schedule
	core     Core
	registry *backend.Registry
	now      int64 // since its beginning
	wires    int
	open     []*wire // whose near end is

	servers    []*server
	clients    []*client
	byID       map[uint32]*client
	left       int // clients that live, or are to
	store      store
	nevers     []string // tags that must not be executed
	lied       bool     // a server has, on a connection that is Segue's own
	condemned  map[uint32]bool
	faults     int // connections of a thousand that meet a fate
	calm       bool
	rough      bool // something may be wrong with servers
	tokens     bool
	leaderless bool
	drained    int
	healed     bool
	stopped    bool
	looking    bool
	scenes     Scenes
	lines      []func(c *client, tag string, alone bool) *statement
	turns      []func(w *World, d dice, until int64)

	history []string
	failure string
	blame   string
	logins  int
	answers int
}

// New makes a world.
func New(o Options) *World {
	w := &World{
		o: o, seed: o.Seed, d: newDice(o.Seed, ofWorld, 0), byID: map[uint32]*client{}, condemned: map[uint32]bool{},
		store: store{runs: map[string]int{}, committed: map[string]bool{}},
	}
	w.Kind = Kind(w.d.IntN(3))
	w.calm = w.d.one(5)
	w.rough = !w.calm
	w.tokens = w.d.one(2)
	if w.rough {
		w.faults = [...]int{0, 30, 100, 300}[w.d.IntN(4)]
	}
	w.cast()
	for i := range 2 + w.d.IntN(2) {
		s := &server{w: w, name: fmt.Sprintf("b%d", i), addr: fmt.Sprintf("10.1.0.%d:3306", i+1), kind: w.Kind, d: newDice(o.Seed, ofServer, i), thread: w.firstThread(i), other: map[string]bool{}}
		w.servers = append(w.servers, s)
		s.start()
	}
	w.registry = backend.NewRegistry(backend.Options{})
	w.apply(nil)
	return w
}

// Registry has the servers.
func (w *World) Registry() *backend.Registry { return w.registry }

// Calm reports whether nothing is to go wrong: no client may see an error.
func (w *World) Calm() bool { return w.calm }

// CoreSeed is for the core's own randomness.
func (w *World) CoreSeed() uint64 { return newDice(w.seed, ofCore, 0).Uint64() }

// Lives is how many have logged in, Answers how many statements were answered.
func (w *World) Lives() int { return w.logins }

// Answers is how many statements were answered.
func (w *World) Answers() int { return w.answers }

// Dial implements loop.Dialer.
func (w *World) Dial(addr net.Addr, done func(p loop.Player, err error)) (stop func()) {
	stopped := false
	for _, s := range w.servers {
		if s.addr == addr.String() {
			s.dialed(func(x *wire, err error) {
				switch {
				case x == nil && !stopped:
					done(nil, err)
				case x != nil && stopped:
					x.Close()
				case x != nil:
					done(x, nil)
				}
			})
		}
	}
	return func() { stopped = true }
}

func (w *World) add(at int64, run func())  { w.schedule.add(max(at, w.now), run) }
func (w *World) after(d int64, run func()) { w.add(w.now+d, run) }

// never notes that a client has been told that a statement was not executed. What only reads may have been, and was to be run again.
func (w *World) never(tag string) {
	if tag[0] != 'q' {
		w.nevers = append(w.nevers, tag)
	}
}

func (w *World) closed(x *wire) { w.open = remove(w.open, x) }

func remove(list []*wire, x *wire) []*wire {
	if at := slices.Index(list, x); at >= 0 {
		last := len(list) - 1
		list[at] = list[last]
		list[last] = nil
		return list[:last]
	}
	return list
}

// fail notes what is wrong; the first is it.
func (w *World) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
		w.note("world", "FAILS: %s", w.failure)
		if w.o.History {
			w.core.Describe()
		}
	}
}

func (w *World) note(who, format string, args ...any) {
	if w.o.History {
		w.history = append(w.history, fmt.Sprintf("%12s %-10s %s", time.Duration(w.now), who, fmt.Sprintf(format, args...)))
	}
}

// History is what has happened to somebody and to those who are named with them, and to all servers, the last n lines.
func (w *World) History(n int) string {
	var list []string
	for _, line := range w.history {
		who := strings.Fields(line)[1]
		if w.blame == "" || who == w.blame || !strings.HasPrefix(who, "c") {
			list = append(list, line)
		}
	}
	return strings.Join(list[max(0, len(list)-n):], "\n")
}

// Note is the core's word.
func (w *World) Note(format string, args ...any) { w.note("segue", format, args...) }

// Noting reports whether it is kept.
func (w *World) Noting() bool { return w.o.History }

// shot is called when a connection is killed.
func (w *World) shot(v, by *backConn) {
	if id, ok := w.core.Owner(v.s.name, v.thread); ok && !w.condemned[id] {
		w.fail("%s, which is session %d's, is killed, and nobody wanted that", v.name, id)
	}
}

// patience is how long after it has healed the world waits for its clients.
const patience = int64(3 * time.Minute)

// Run lets everything happen, and reports what is wrong. It must be called in a bubble of testing/synctest, by the only goroutine there.
func (w *World) Run(core Core) error {
	w.core = core
	window := int64(w.o.Lives) * int64(60*time.Millisecond)
	w.clients = make([]*client, w.o.Lives)
	for i := range w.clients {
		if w.o.without(w.o.SkipLives, i) {
			continue
		}
		c := &client{w: w, index: i, d: newDice(w.seed, ofClient, i), name: fmt.Sprintf("c%d", i)}
		w.left++
		w.add(c.d.Int64N(window+1), func() {
			if w.stopped { // nobody accepts any more
				w.left--
				return
			}
			w.clients[i] = c
			c.live()
		})
	}
	w.incidents(window)
	w.add(window+int64(time.Second), w.heal)
	var round func()
	round = func() {
		core.Round()
		w.after(int64(RoundEvery), round)
	}
	w.after(int64(RoundEvery), round)
	w.schedule.add(0, core.Look)
	for w.failure == "" && w.left > 0 {
		if w.now > window+patience {
			w.stuck()
			break
		}
		w.step()
	}
	if w.failure == "" {
		w.finish()
	}
	if w.failure != "" {
		return errors.New(w.failure)
	}
	return nil
}

// step lets one thing happen.
func (w *World) step() {
	at, any := w.schedule.next()
	due, alarm := w.core.Due()
	switch {
	case w.core.Woken() && (!any || at > w.now || w.d.one(2)):
		w.turn()
	case any && (!alarm || at <= due || at <= w.now):
		w.sleep(at)
		w.schedule.take()()
	case alarm:
		w.sleep(due)
		w.turn()
	}
	if !w.looking && w.core.Changed() {
		w.looking = true
		w.after(w.d.span(5*time.Millisecond), func() {
			w.looking = false
			w.core.Look()
		})
	}
}

func (w *World) turn() {
	w.core.Step()
	if err := w.core.Check(); err != nil {
		w.fail("%v", err)
	}
}

func (w *World) sleep(until int64) {
	if until > w.now {
		time.Sleep(time.Duration(until - w.now))
		w.now = until
	}
}

// stuck finds a client that waits.
func (w *World) stuck() {
	for _, c := range w.clients {
		if c != nil && !c.over {
			c.fail("it waits, for %d answers, although nothing is wrong (stage %d)", len(c.waiting), c.stage)
			return
		}
	}
	w.fail("somebody has not begun to live")
}

// finish looks at what is left.
func (w *World) finish() {
	for until := w.now + int64(30*time.Second); w.now < until && w.failure == ""; {
		w.step()
	}
	for _, tag := range w.nevers {
		if n := w.store.runs[tag]; n > 0 {
			w.fail("%s was executed, and its client was told that it was not", tag)
		}
	}
	if err := w.core.CheckEnd(); err != nil {
		w.fail("%v", err)
	}
	for _, x := range w.open {
		w.fail("%s is still open", x.name)
	}
}

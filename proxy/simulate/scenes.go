package simulate

import "strings"

// Scenes is a set of what some worlds play beyond what all do. Which they are is thrown for each by itself, so that one more leaves the others, and what a
// seed has found with them, as they were: new ones come last.
type Scenes uint32

// The scenes.
const (
	Locks      Scenes = 1 << iota // GET_LOCK, RELEASE_LOCK, RELEASE_ALL_LOCKS
	Leftovers                     // what a statement leaves behind for the next: warnings, ROW_COUNT(), FOUND_ROWS()
	Multi                         // several statements in one text
	Users                         // COM_CHANGE_USER
	SHA2                          // caching_sha2_password
	Tracking                      // CLIENT_SESSION_TRACK
	Cursors                       // COM_STMT_FETCH
	Parameters                    // of prepared statements, COM_STMT_SEND_LONG_DATA among them
	Infile                        // LOAD DATA LOCAL INFILE
	Oddities                      // commands that few clients send, and those that no server knows
	Threads                       // KILL by what CONNECTION_ID() has said
	Become                        // EXECUTE AS
	Vanishing                     // hosts that go without a word
	Rotation                      // of a password on some servers
	Liars                         // servers that say what no server says
	Huge                          // packets of 16 MiB and more
	Hidden                        // what a stored function does: see Unclaimed
	Unflagged                     // … with a client that CLIENT_SESSION_TRACK reaches as a flag alone
	Texts                         // PREPARE and EXECUTE
	ReadOnly                      // SET TRANSACTION READ ONLY
	Catalogs                      // of StarRocks
	Idling                        // wait_timeout
	Witness                       // CLIENT_SESSION_TRACK, of which the client knows nothing
	SlowLogins                    // logins during which much can happen
)

// scene is one of them.
type scene struct {
	is      Scenes
	name    string
	kinds   string // of the servers that know it, by their first letters
	pins    bool   // what it leaves ends with a backend that only leaves: it is nothing for a calm world
	rare    int    // one world in so many has it
	say     func(c *client, tag string, alone bool) *statement
	happens func(w *World, d dice, until int64)
}

// allScenes lists them in the order of their bits.
func allScenes() []scene {
	return []scene{
		{is: Locks, name: "locks", kinds: "mt", rare: 4, say: (*client).lock},
		{is: Leftovers, name: "leftovers", kinds: "mt", rare: 4, say: (*client).leftover},
		{is: Multi, name: "multi", kinds: "mst", rare: 4, say: (*client).several},
		{is: Users, name: "users", kinds: "mt", pins: true, rare: 5, say: (*client).changeUser},
		{is: SHA2, name: "sha2", kinds: "mt", rare: 5, pins: true}, // a server that has not seen the password wants it, which nobody but the client has
		{is: Tracking, name: "tracking", kinds: "m", rare: 3, say: (*client).zone},
		{is: Cursors, name: "cursors", kinds: "mt", rare: 4, say: (*client).cursor},
		{is: Parameters, name: "parameters", kinds: "mt", rare: 4, say: (*client).parameter},
		{is: Infile, name: "infile", kinds: "mt", rare: 5, say: (*client).load},
		{is: Oddities, name: "oddities", kinds: "mst", rare: 5, say: (*client).odd},
		{is: Threads, name: "threads", kinds: "mst", pins: true, rare: 5, say: (*client).killThread},
		{is: Become, name: "become", kinds: "s", rare: 3},
		{is: Vanishing, name: "vanishing", kinds: "mst", pins: true, rare: 4, happens: (*World).vanish},
		{is: Rotation, name: "rotation", kinds: "mst", pins: true, rare: 5, happens: (*World).rotate},
		{is: Liars, name: "liars", kinds: "mst", pins: true, rare: 6},
		{is: Huge, name: "huge", kinds: "mst", rare: 400, say: (*client).huge},
		{is: Hidden, name: "hidden", kinds: "m", say: (*client).hidden},
		{is: Unflagged, name: "unflagged", kinds: "m", rare: 5, say: (*client).unflagged},
		{is: Texts, name: "texts", kinds: "mt", rare: 4, say: (*client).byText},
		{is: ReadOnly, name: "read only", kinds: "mt", rare: 4, say: (*client).readOnly},
		{is: Catalogs, name: "catalogs", kinds: "s", rare: 4, say: (*client).catalog},
		{is: Idling, name: "idling", kinds: "mst", pins: true, rare: 6},
		{is: Witness, name: "witness", kinds: "m", rare: 3, say: (*client).witnessed},
		{is: SlowLogins, name: "slow logins", kinds: "mst", rare: 3},
	}
}

// ScenesOf are those that a seed has.
func ScenesOf(seed uint64) (set Scenes) {
	for i, s := range allScenes() {
		if s.rare > 0 && newDice(seed, ofScene, i).one(s.rare) {
			set |= s.is
		}
	}
	return set
}

// String names them.
func (set Scenes) String() string {
	var names []string
	for _, s := range allScenes() {
		if set&s.is != 0 {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, ", ")
}

// cast gives the world those scenes that it can play.
func (w *World) cast() {
	for _, s := range allScenes() {
		if w.o.Scenes&s.is == 0 || w.calm && s.pins || !strings.Contains(s.kinds, w.Kind.String()[:1]) {
			continue
		}
		w.scenes |= s.is
		if s.say != nil {
			w.lines = append(w.lines, s.say)
		}
		if s.happens != nil {
			w.turns = append(w.turns, s.happens)
		}
	}
}

func (w *World) plays(any Scenes) bool { return w.scenes&any != 0 }

// scene is a statement of one of the scenes; nil: it is not their turn.
func (c *client) scene(tag string, alone bool) *statement {
	if len(c.w.lines) == 0 || !c.d.one(3) {
		return nil
	}
	return c.w.lines[c.d.IntN(len(c.w.lines))](c, tag, alone)
}

package simulate

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	proto "segue/backend/wire"
)

// client lives one life: it connects, logs in, says some statements, and leaves in some way.
type client struct {
	w     *World
	index int
	d     dice
	name  string
	x     *wire
	in    packets
	user  string
	caps  proto.Capability
	id    uint32 // of its greeting
	salt  []byte
	twin  *twin

	stage    clientStage
	left     int          // statements it has yet to say
	waiting  []*statement // said, and not answered
	count    int
	began    bool // a transaction, as it has said
	answer   answer
	over     bool
	half     bool  // it has closed its sending side
	killed   int64 // when somebody was told that it is; 0: nobody was
	logged   int64
	leaves   string // how it leaves
	plugin   string // by which it has proved who it is
	thread   string // what CONNECTION_ID() has said once
	file     *sending
	deceived bool  // its server has lied
	stripped int64 // when it was told that its prepared statements were lost; 0: never
	unsure   bool  // it does not know who it is
}

type clientStage uint8

const (
	awaitsGreeting clientStage = iota
	awaitsVerdict
	says
	gone
)

// statement is one that a client has said.
type statement struct {
	tag     string
	what    string
	c       proto.Command
	body    []byte
	at      int64
	ok      func(a *answer)   // it has been done
	maybe   func()            // it may have been done
	row     func(row []value) // takes each row
	columns int               // of what COM_STMT_FETCH gives
	leaves  *residue
	partly  bool   // some of it may have been done when it is refused
	tells   string // by session_state_changes
	user    string // of COM_CHANGE_USER
	fails   uint16 // the server refuses it so; 0: it does not
}

// answer is what has come of the answer to the oldest of waiting.
type answer struct {
	seq      uint8
	begun    bool
	columns  int
	defs     int // still to come
	eofs     int // … and behind them
	rows     int
	first    []value
	prepared uint32
	params   int
	insert   uint64
	bin      bool
	status   proto.Status // behind it
	earlier  []answer     // results of the same text
}

// live begins the life.
func (c *client) live() {
	c.user = [...]string{"app", "app", "app", "app", "hash", "anon", "late"}[c.d.IntN(7)]
	if c.w.calm {
		if c.user = [...]string{"app", "app", "hash"}[c.d.IntN(3)]; c.w.plays(SHA2) {
			c.user = "app" // a hash lets nobody in
		}
	}
	c.caps = caps &^ (proto.ClientConnectWithDB | proto.ClientDeprecateEOF)
	if c.d.one(2) {
		c.caps |= proto.ClientDeprecateEOF
	}
	c.caps |= c.more()
	c.left = 1 + c.d.IntN(14)
	c.leaves = [...]string{"quit", "quit", "quit", "close", "reset", "half", "linger"}[c.d.IntN(7)]
	if c.d.one(40) {
		c.left = 0
	}
	if c.w.plays(Vanishing) && c.d.one(6) {
		c.leaves = "vanish"
	}
	c.x = c.w.connect(c.name, c)
	if c.d.one(15) {
		c.x.pace = 1 + c.d.IntN(100)
	}
	c.note("connects as %s", c.user)
	c.w.core.Accept(c.x, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(c.index >> 8), byte(c.index)}), uint16(1024+c.index%60000)))
	if c.d.one(60) {
		c.w.after(c.d.span(20*time.Millisecond), func() { c.leave("reset") })
	}
}

func (c *client) note(format string, args ...any) { c.w.note(c.name, format, args...) }

func (c *client) fail(format string, args ...any) {
	c.note("FAILS: "+format, args...)
	c.w.blame = c.name
	c.w.fail("%s: %s", c.name, fmt.Sprintf(format, args...))
}

// leave ends the life.
func (c *client) leave(how string) {
	if c.over || c.stage == gone && how != "close" {
		return
	}
	c.note("leaves: %s", how)
	switch how {
	case "quit":
		c.stage = gone
		packet, _ := proto.AppendPacket(nil, 0, []byte{byte(proto.ComQuit)})
		c.x.send(packet, false)
		if c.d.one(2) {
			c.end()
			c.x.close()
		}
	case "reset":
		c.end()
		c.x.reset(false)
	case "vanish":
		c.disappear()
	case "half":
		c.half = true
		c.x.send(nil, true)
		if len(c.waiting) == 0 {
			c.stage = gone
		}
	default:
		c.end()
		c.x.close()
	}
}

// end notes that nothing more is heard of what waits.
func (c *client) end() {
	if c.over {
		return
	}
	c.over, c.stage = true, gone
	for _, s := range c.waiting {
		c.unknown(s)
	}
	c.waiting = nil
	c.w.left--
}

func (c *client) unknown(s *statement) {
	if s.maybe != nil {
		s.maybe()
	}
}

func (c *client) ended(err error) {
	if c.over {
		return
	}
	c.note("hears the end: %v (%d statements wait)", err, len(c.waiting))
	if c.w.calm && c.stage != gone && !c.half {
		c.fail("the session ends although nothing is wrong: %v", err)
	}
	if c.answer.begun && len(c.waiting) > 0 && err == io.EOF && c.w.faults == 0 && !c.w.rough { //nolint:errorlint // it is never wrapped
		c.fail("an answer ends in the middle")
	}
	c.end()
	c.x.close()
}

func (c *client) received(b []byte) {
	if c.deceived {
		return
	}
	c.in.add(b)
	for !c.over && !c.deceived {
		payload, seq, ok := c.in.next()
		if !ok {
			return
		}
		switch c.stage {
		case awaitsGreeting:
			c.greeted(payload, seq)
		case awaitsVerdict:
			c.verdict(payload, seq)
		default:
			c.heard(payload, seq)
		}
	}
}

func (c *client) greeted(payload []byte, seq uint8) {
	var g proto.HandshakeV10
	if err := g.Decode(payload); err != nil {
		c.note("is turned away: %v", err)
		if c.w.calm {
			c.fail("it is turned away although nothing is wrong: %v", err)
		}
		return // the end follows
	}
	if seq != 0 {
		c.fail("the greeting has sequence id %d", seq)
	}
	c.id, c.salt = g.ConnectionID, g.AuthData
	c.caps &= g.Capabilities
	if other := c.w.byID[c.id]; other != nil && !other.over {
		c.fail("the id %d is that of %s", c.id, other.name)
	}
	c.w.byID[c.id] = c
	c.stage = awaitsVerdict
	r := proto.HandshakeResponse41{Capabilities: c.caps, MaxPacketSize: 1 << 24, Charset: 45, Username: c.user, AuthPlugin: g.AuthPlugin}
	if r.AuthResponse = c.proves(c.user, g.AuthPlugin, c.salt); c.d.one(2) {
		r.Capabilities, r.Database = r.Capabilities|proto.ClientConnectWithDB, "db0"
		c.caps = r.Capabilities
	}
	c.twin = newTwin(r.Database)
	c.reply(seq, r.Append(nil))
}

// reply sends a message of the authentication, after a while.
func (c *client) reply(seq uint8, payload []byte) {
	packet, _ := proto.AppendPacket(nil, seq+1, payload)
	wait := c.d.span(5 * time.Millisecond)
	switch {
	case c.d.one(150) && !c.w.calm:
		wait = int64(12 * time.Second) // longer than Segue waits
	case c.d.one(60):
		c.w.after(c.d.span(time.Millisecond), func() { c.leave("close") })
	}
	c.w.after(wait, func() {
		if !c.over {
			c.x.send(packet, false)
		}
	})
}

func (c *client) verdict(payload []byte, seq uint8) {
	switch {
	case len(payload) == 0:
		c.fail("an empty packet in the authentication")
	case payload[0] == 0xfe:
		var r proto.AuthSwitchRequest
		if err := r.Decode(payload); err != nil || r.Plugin != proto.PluginNativePassword && r.Plugin != c.w.plugin() {
			c.fail("it is asked for %q: %v", r.Plugin, err)
			return
		}
		c.reply(seq, c.proves(c.user, r.Plugin, r.Salt()))
	case payload[0] == 1:
		if reply := c.told(c.user, payload[1:]); reply != nil {
			c.reply(seq, reply)
		}
	case payload[0] == 0:
		c.note("is logged in as %d", c.id)
		c.stage, c.logged = says, c.w.now
		c.w.logins++
		c.think()
	case proto.IsErr(payload):
		var e proto.Err
		_ = e.Decode(payload)
		c.note("is refused: %v", &e)
		if e.Code == 1045 && !c.w.plays(Rotation) || c.w.calm {
			c.fail("it is refused: %v", &e)
		}
		c.stage = gone
	default:
		c.fail("what is this in the authentication: %x", payload)
	}
}

// think says the next statements in a while.
func (c *client) think() {
	wait := c.d.span(20 * time.Millisecond)
	switch {
	case c.d.one(8):
		wait = c.d.span(600 * time.Millisecond)
	case c.d.one(30):
		wait = c.d.span(4 * time.Second)
	}
	c.w.after(wait, c.speak)
}

// speak says one statement or several, or leaves.
func (c *client) speak() {
	if c.over || c.stage != says || len(c.waiting) > 0 || c.half {
		return
	}
	if c.left <= 0 {
		if c.leaves == "linger" {
			c.leaves = "quit"
			c.w.after(c.d.span(8*time.Second), c.speak)
			return
		}
		c.leave(c.leaves)
		return
	}
	n := 1
	if c.d.one(10) {
		n = min(c.left, 2+c.d.IntN(3))
	}
	var out []byte
	for range n {
		c.left--
		s := c.invent(n == 1)
		s.at = c.w.now
		c.note("says %s: %s", s.tag, s.what)
		out, _ = proto.AppendPacket(out, 0, append([]byte{byte(s.c)}, s.body...))
		if !s.c.Silent() {
			c.waiting = append(c.waiting, s)
		} else if s.ok != nil {
			s.ok(nil)
		}
	}
	fin := c.left <= 0 && c.leaves == "half" && len(c.waiting) > 0
	c.x.send(out, fin)
	if fin {
		c.half = true
		c.note("closes its sending side")
	}
	if c.d.one(100) {
		c.w.after(c.d.span(20*time.Millisecond), func() { c.leave([...]string{"reset", "close"}[c.d.IntN(2)]) })
	}
	if len(c.waiting) == 0 {
		c.think()
	}
}

// heard takes a packet of an answer.
func (c *client) heard(payload []byte, seq uint8) {
	var e proto.Err
	if seq == 0 && proto.IsErr(payload) && e.Decode(payload) == nil && holds(e.Message, "Connection was killed", "because of inactivity") && c.answer.seq == 0 {
		c.note("hears a farewell: %v", &e) // the server's own; the end follows
		return
	}
	if len(c.waiting) == 0 {
		if c.stage == gone {
			return
		}
		c.fail("an answer to nothing: %x", payload)
		return
	}
	a, s := &c.answer, c.waiting[0]
	if a.seq == 0 {
		a.seq = s.packets()
	}
	if seq != a.seq+1 {
		c.fail("the answer to %s has sequence id %d, want %d", s.tag, seq, a.seq+1)
	}
	a.seq = seq
	deprecate := c.caps.Has(proto.ClientDeprecateEOF)
	a.seq += c.in.more
	if s.c == proto.ComStmtFetch { // its answer is rows alone
		a.begun, a.columns, a.bin = true, s.columns, true
	}
	switch {
	case len(payload) == 0:
		c.fail("an empty packet in the answer to %s", s.tag)
	case s.c == proto.ComChangeUser && (payload[0] == 0xfe || payload[0] == 1):
		c.isAsked(s, payload)
	case proto.IsErr(payload) && a.defs == 0:
		e := new(proto.Err)
		if err := e.Decode(payload); err != nil {
			c.fail("the answer to %s: %v", s.tag, err)
		}
		c.done(s, e)
	case !a.begun:
		a.begun = true
		c.first(s, payload)
	case a.defs > 0:
		a.defs--
		if deprecate && a.defs == 0 && a.prepared != 0 {
			c.done(s, nil)
		}
	case a.eofs > 0:
		if payload[0] != 0xfe || len(payload) > 8 {
			c.fail("the answer to %s has no EOF: %x", s.tag, payload)
		}
		if a.prepared == 0 && eofStatus(payload).Has(proto.StatusCursorExists) {
			c.ends(s, payload)
			return
		}
		if a.eofs--; a.prepared != 0 {
			if a.eofs == 0 {
				c.done(s, nil)
			} else {
				a.defs = a.columns
			}
		}
	case payload[0] == 0xfe && (deprecate && len(payload) < proto.MaxPayload || len(payload) < 9):
		c.ends(s, payload)
	default:
		row, ok := texts(payload, a.columns, a.bin)
		if !ok {
			c.fail("the answer to %s has a broken row: %x", s.tag, payload)
			return
		}
		if a.rows++; a.rows == 1 {
			a.first = row
		} else if row[0] != a.first[0] {
			c.fail("the answer to %s has a row of another: %v", s.tag, row)
		}
		if s.row != nil {
			s.row(row)
		}
	}
}

// first takes the first packet of an answer.
func (c *client) first(s *statement, payload []byte) {
	a := &c.answer
	deprecate := c.caps.Has(proto.ClientDeprecateEOF)
	switch {
	case payload[0] == 0 && s.c == proto.ComStmtPrepare:
		var p proto.StmtPrepareOK
		if err := p.Decode(payload); err != nil {
			c.fail("the answer to %s: %v", s.tag, err)
			return
		}
		a.prepared, a.params, a.columns = p.StatementID, int(p.NumParams), int(p.NumColumns)
		if a.defs = a.params; deprecate {
			a.defs += a.columns
		} else {
			for _, n := range [...]int{a.params, a.columns} {
				if n > 0 {
					a.eofs++
				}
			}
			if a.params == 0 {
				a.defs = a.columns
			}
		}
		if a.defs == 0 && a.eofs == 0 {
			c.done(s, nil)
		}
	case payload[0] == 0:
		c.ends(s, payload)
	case s.c == proto.ComStatistics:
		c.done(s, nil)
	case payload[0] == 0xfb && s.c == proto.ComQuery:
		a.begun = false
		c.sends(s, string(payload[1:]))
	default:
		n, _ := proto.LenencInt(payload)
		a.columns, a.defs, a.bin = int(n), int(n), s.c == proto.ComStmtExecute
		if !deprecate {
			a.eofs = 1
		}
	}
}

// isAsked takes a message of the authentication within a COM_CHANGE_USER.
func (c *client) isAsked(s *statement, payload []byte) {
	var reply []byte
	if payload[0] == 1 {
		reply = c.told(s.user, payload[1:])
	} else {
		var r proto.AuthSwitchRequest
		if err := r.Decode(payload); err != nil {
			c.fail("the answer to %s: %v", s.tag, err)
		}
		reply = c.proves(s.user, r.Plugin, r.Salt())
	}
	if reply != nil {
		c.answer.seq++
		packet, _ := proto.AppendPacket(nil, c.answer.seq, reply)
		c.x.send(packet, false)
	}
}

// ends takes the packet that ends a result.
func (c *client) ends(s *statement, payload []byte) {
	a := &c.answer
	if payload[0] == 0xfe && !c.caps.Has(proto.ClientDeprecateEOF) {
		a.status = eofStatus(payload)
	} else {
		var ok proto.OK
		if err := ok.Decode(payload, c.caps); err != nil {
			c.fail("the answer to %s: %v", s.tag, err)
		}
		a.status, a.insert = ok.Status, ok.LastInsertID
		c.tellsOf(s, ok.SessionState)
	}
	if !a.status.Has(proto.StatusMoreResults) {
		c.done(s, nil)
		return
	}
	earlier := *a
	*a = answer{seq: a.seq, earlier: append(a.earlier, earlier)}
}

func eofStatus(payload []byte) (st proto.Status) {
	if len(payload) >= 5 {
		st = proto.Status(binary.LittleEndian.Uint16(payload[3:]))
	}
	return st
}

// done is the end of an answer; e is what it says, nil for a good one.
func (c *client) done(s *statement, e *proto.Err) {
	a := c.answer
	c.answer = answer{}
	c.waiting = c.waiting[1:]
	c.w.answers++
	c.left1(s, e == nil)
	if e != nil {
		c.refused(s, e)
	} else {
		c.note("is answered %s: %v (%d rows)", s.tag, a.first, a.rows)
		if s.fails != 0 {
			c.fail("%s has a good answer, and cannot", s.tag)
		}
		if c.killed != 0 && s.at > c.killed {
			c.fail("%s is answered although the session was killed before it was said", s.tag)
		}
		if s.ok != nil {
			s.ok(&a)
		}
	}
	if len(c.waiting) > 0 || c.over {
		return
	}
	if c.half {
		c.stage = gone
		return
	}
	c.think()
}

// refused takes an ERR_Packet.
func (c *client) refused(s *statement, e *proto.Err) {
	c.note("is refused %s: %v", s.tag, e)
	c.file = nil
	if s.fails != 0 && e.Code == s.fails {
		return
	}
	if e.Code == 1792 {
		if c.wrote(s.tag, true); s.partly {
			c.unknown(s)
		} else {
			c.w.never(s.tag)
		}
		return
	}
	if e.Code == 1045 && s.c == proto.ComChangeUser && c.w.plays(Rotation) {
		c.stage = gone // the end follows
		return
	}
	lost := holds(e.Message, "without its transaction")
	switch {
	case holds(e.Message, "was not sent"), holds(e.Message, "without its") && !holds(e.Message, "outcome is unknown", "in the middle"), holds(e.Message, "Cannot open null host"):
		c.w.never(s.tag)
	case e.Code == 1094, e.Code == 1105 && holds(e.Message, "KILL", "several sessions"):
	case strings.HasPrefix(s.what, "KILL") && c.w.lied: // the answer to a KILL that Segue brings to another server is that one's
	case e.Code == 1243 && s.at <= c.stripped: // it was on its way when the client was told that its prepared statements were lost
		c.w.never(s.tag)
		return
	case e.Code == 1105 && holds(e.Message, "LAST_INSERT_ID() was lost", "has moved to another backend"):
		c.w.never(s.tag)
		return
	case holds(e.Message, "outcome is unknown"), e.Code == 1317, e.Code == 1053, e.Code == 1927, holds(e.Message, "in the middle", "was cut off"):
		c.unknown(s)
	default:
		c.fail("%s is refused: %v", s.tag, e)
	}
	if holds(e.Message, "without its", "long data was not sent") {
		c.twin.bereft()
	}
	if holds(e.Message, "prepared statements") { // which of them is not said
		c.stripped = c.w.now
		c.twin.prepared, c.twin.ids, c.twin.texts = map[uint32]string{}, nil, map[string]string{}
		c.twin.reading, c.twin.binding = nil, nil
	}
	if _, values, is := strings.Cut(e.Message, "values of "); is {
		c.twin.bereftOf(values)
	}
	if holds(e.Message, "unseen_changes") {
		*c.twin.variable("time_zone") = nil
	}
	if lost {
		c.twin.open, c.twin.unsure, c.twin.writes, c.twin.only = false, false, nil, maybe{number(0)}
	}
	if c.w.calm {
		c.fail("%s is refused although nothing is wrong: %v", s.tag, e)
	}
}

// invent makes up a statement. Where others come with it a calm client does without what pins then.
func (c *client) invent(alone bool) *statement {
	c.count++
	tag := fmt.Sprintf("%d.%d", c.index, c.count)
	if s := c.scene(tag, alone); s != nil {
		return s
	}
	switch n := c.d.IntN(100); {
	case n < 30:
		return c.read("q" + tag)
	case n < 45:
		return c.write("w" + tag)
	case n < 57:
		return c.assign("s" + tag)
	case n < 61 && (alone && len(c.twin.ids) == 0 && c.twin.reading == nil && c.twin.binding == nil || !c.w.calm):
		return c.use("u" + tag)
	case n < 73:
		return c.transaction("t" + tag)
	case n < 77:
		return &statement{tag: "p" + tag, what: "COM_PING", c: proto.ComPing}
	case n < 79:
		return query("o"+tag, "SELECT 1")
	case n < 92:
		return c.prepared("q" + tag)
	case n < 94:
		s := query("f"+tag, "SELECT nothing(here)")
		s.fails = 1054
		return s
	case n < 96 && !c.w.calm:
		return c.kill("k" + tag)
	case n < 97 && c.d.one(2):
		return c.temporary("c" + tag)
	case n < 98 && c.w.Kind != StarRocks && c.d.one(3):
		return c.autocommit("a" + tag)
	case n < 98 && c.w.Kind != StarRocks: // which resets some of it
		return c.reset("r" + tag)
	}
	return c.read("q" + tag)
}

func query(tag, s string) *statement {
	return &statement{tag: tag, what: s, c: proto.ComQuery, body: []byte(s)}
}

// read asks for all that the session holds.
func (c *client) read(tag string) *statement {
	var list strings.Builder
	list.WriteString("'" + tag + "', DATABASE(), @@in_transaction, LAST_INSERT_ID(), @@manual, @@temps")
	for _, n := range userNames {
		list.WriteString(", " + n)
	}
	for _, n := range systemNames {
		list.WriteString(", @@" + n)
	}
	if c.w.plays(Locks | Users | Become) {
		list.WriteString(", @@locks, CURRENT_USER()")
	}
	if c.w.plays(ReadOnly) {
		list.WriteString(", @@next, @@only")
	}
	if c.w.plays(Catalogs) {
		list.WriteString(", CATALOG()")
	}
	q := "SELECT " + list.String()
	rows := 1
	switch c.d.IntN(12) {
	case 0:
		rows = 1 + c.d.IntN(300)
		q += " FROM rows" + strconv.Itoa(rows)
	case 1:
		q += ", SLEEP(0." + strconv.Itoa(c.d.IntN(10)) + ")"
	case 2, 3, 4:
		q = "SELECT '" + tag + "', DATABASE(), @@in_transaction FROM rows1"
	}
	s := query(tag, q)
	s.ok = func(a *answer) { c.compare(tag, a, rows) }
	return s
}

// compare holds an answer against the twin.
func (c *client) compare(tag string, a *answer, rows int) {
	if a.rows != rows || a.first[0].text != tag {
		c.fail("the answer to %s is %d rows, the first is %v", tag, a.rows, a.first)
		return
	}
	t := c.twin
	at := 1
	see := func(name string, m *maybe) {
		if at < len(a.first) {
			if before := *m; !m.sees(a.first[at]) {
				c.fail("%s: %s is %v, want %v", tag, name, a.first[at], before)
			}
		}
		at++
	}
	see("DATABASE()", &t.database)
	open := maybe{number(0)}
	switch {
	case t.unsure:
		open, t.only = nil, nil
	case t.open:
		open = maybe{number(1)}
	}
	see("in_transaction", &open)
	t.open, t.unsure = open[0].text == "1", false
	see("LAST_INSERT_ID()", &t.inserted)
	see("autocommit=0", &t.manual)
	see("temporary tables", &t.temps)
	for _, n := range userNames {
		see(n, t.user[n])
	}
	for _, n := range systemNames {
		see(n, t.system[n])
	}
	if c.w.plays(Locks | Users | Become) {
		see("locks", &t.locks)
		c.isWho(at, tag, a)
		at++
	}
	if c.w.plays(ReadOnly) {
		see("next", &t.next)
		see("only", &t.only)
	}
	if c.w.plays(Catalogs) {
		see("CATALOG()", &t.catalog)
	}
}

// isWho holds whom the server takes the client for against who it is.
func (c *client) isWho(at int, tag string, a *answer) {
	if at >= len(a.first) {
		return
	}
	if who := a.first[at].text; c.unsure {
		c.user, c.unsure = who, false
	} else if who != c.user {
		c.fail("%s: the server takes it for %s", tag, who)
	}
}

// write inserts.
func (c *client) write(tag string) *statement {
	return c.writes(tag, c.d.one(4) && c.w.Kind != StarRocks) // which gives no ids
}

func (c *client) writes(tag string, auto bool) *statement {
	table := "t"
	if auto {
		table = "auto"
	}
	s := query(tag, "INSERT INTO "+table+" VALUES ('"+tag+"')")
	s.ok = func(a *answer) {
		c.wrote(tag, false)
		if n := c.w.store.runs[tag]; n != 1 {
			c.fail("%s was acknowledged, and was executed %d times", tag, n)
		}
		if auto {
			c.twin.inserted = maybe{number(int(a.insert))}
		}
		switch m := c.twin.manual; {
		case len(m) != 1:
			c.twin.unsure = true
		case m[0].text == "1":
			c.twin.open = true
		}
		if c.twin.open || c.twin.unsure {
			c.twin.writes = append(c.twin.writes, tag)
		} else {
			c.committed(tag)
		}
	}
	s.maybe = func() { c.twin.inserted = nil }
	return s
}

// committed holds a write that was acknowledged against what the servers know.
func (c *client) committed(tag string) {
	if !c.w.store.committed[tag] {
		c.fail("%s was acknowledged, and is lost", tag)
	}
}

// assign sets a variable.
func (c *client) assign(tag string) *statement {
	name, v, expr := userNames[c.d.IntN(len(userNames))], number(c.count*100+c.d.IntN(100)), ""
	expr = v.text
	switch c.d.IntN(8) {
	case 0:
		name = "net_write_timeout"
	case 1:
		name = "time_zone"
		v = text("+0" + strconv.Itoa(c.d.IntN(10)) + ":00")
		expr = "'" + v.text + "'"
	case 2, 3:
		v = text("text " + tag)
		expr = "'" + v.text + "'"
	case 4:
		q := query(tag, "SELECT "+expr+" INTO "+name)
		return c.assigns(q, name, v)
	case 5:
		return c.computes(tag)
	}
	return c.assigns(query(tag, "SET "+name+" = "+expr), name, v)
}

func (c *client) assigns(s *statement, name string, v value) *statement {
	s.ok = func(*answer) { *c.twin.variable(name) = maybe{v} }
	s.maybe = func() { c.twin.mayBe(name, v) }
	return s
}

// computes sets @c from @a.
func (c *client) computes(tag string) *statement {
	s := query(tag, "SET @c = @a + 1")
	s.ok = func(*answer) {
		a := *c.twin.user["@a"]
		*c.twin.user["@c"] = nil
		if len(a) == 1 {
			if n, err := strconv.Atoi(a[0].text); err == nil {
				*c.twin.user["@c"] = maybe{number(n + 1)}
			} else if a[0].null {
				*c.twin.user["@c"] = maybe{{null: true}}
			} else {
				*c.twin.user["@c"] = maybe{number(1)}
			}
		}
	}
	s.maybe = func() { *c.twin.user["@c"] = nil }
	return s
}

// use changes the database.
func (c *client) use(tag string) *statement {
	db := "db" + strconv.Itoa(1+c.d.IntN(5))
	s := query(tag, "USE "+db)
	if c.d.one(2) {
		s = &statement{tag: tag, what: "COM_INIT_DB " + db, c: proto.ComInitDB, body: []byte(db)}
	}
	s.ok = func(*answer) { c.twin.database = maybe{text(db)} }
	s.maybe = func() {
		if c.twin.database != nil {
			c.twin.database = append(c.twin.database, text(db))
		}
	}
	return s
}

// transaction begins or ends one.
func (c *client) transaction(tag string) *statement {
	if !c.began {
		c.began = true
		s := query(tag, [...]string{"BEGIN", "START TRANSACTION"}[c.d.IntN(2)])
		s.ok = func(*answer) {
			c.commits()
			c.twin.begins()
		}
		s.maybe = func() { c.twin.next, c.twin.only = nil, nil }
		return s
	}
	c.began = false
	if c.d.one(4) {
		s := query(tag, "ROLLBACK")
		s.ok = func(*answer) {
			for _, w := range c.twin.writes {
				if c.w.store.committed[w] && !c.twin.unsure {
					c.fail("%s was rolled back, and is there", w)
				}
			}
			c.twin.open, c.twin.unsure, c.twin.writes, c.twin.only = false, false, nil, maybe{number(0)}
		}
		s.maybe = func() { c.twin.unsure, c.twin.writes = true, nil }
		return s
	}
	s := query(tag, "COMMIT")
	s.ok = func(*answer) { c.commits() }
	s.maybe = func() { c.twin.unsure, c.twin.writes = true, nil }
	return s
}

func (c *client) commits() {
	for _, w := range c.twin.writes {
		c.committed(w)
	}
	c.twin.open, c.twin.unsure, c.twin.writes, c.twin.only = false, false, nil, maybe{number(0)}
}

// prepared prepares a statement, or uses one.
func (c *client) prepared(tag string) *statement {
	t := c.twin
	if len(t.ids) == 0 || c.d.one(4) {
		s := &statement{tag: tag, what: "COM_STMT_PREPARE", c: proto.ComStmtPrepare, body: []byte("SELECT '" + tag + "', @a, @@net_write_timeout")}
		if c.d.one(2) {
			s.body = append(s.body, ", ?"...)
		}
		s.ok = func(a *answer) {
			if was, known := t.prepared[a.prepared]; known {
				c.fail("%s is given the id %d of %s", tag, a.prepared, was)
			}
			if want := len(split(string(s.body), '?')) - 1; a.params != want {
				c.fail("%s has %d parameters, want %d", tag, a.params, want)
			}
			t.prepared[a.prepared] = tag
			if a.params > 0 {
				t.prepared[a.prepared] += "?"
			}
			t.ids = append(t.ids, a.prepared)
		}
		return s
	}
	id := t.ids[c.d.IntN(len(t.ids))]
	body := binary.LittleEndian.AppendUint32(nil, id)
	switch c.d.IntN(6) {
	case 0:
		t.drop(id)
		return &statement{tag: tag, what: fmt.Sprintf("COM_STMT_CLOSE %d", id), c: proto.ComStmtClose, body: body}
	case 1:
		return &statement{tag: tag, what: fmt.Sprintf("COM_STMT_RESET %d", id), c: proto.ComStmtReset, body: body}
	}
	of := t.prepared[id]
	s := &statement{tag: tag, what: fmt.Sprintf("COM_STMT_EXECUTE %d (%s)", id, of), c: proto.ComStmtExecute}
	s.body = append(body, 0, 1, 0, 0, 0)
	if of[len(of)-1] == '?' {
		of = of[:len(of)-1]
		s.body = append(s.body, 0, 1, 0xfd, 0) // not NULL; types follow: VAR_STRING
		s.body = proto.AppendLenencString(s.body, "x")
	}
	s.ok = func(a *answer) {
		if a.rows != 1 || a.first[0].text != of {
			c.fail("the answer to %s, an execution of %s, is %d rows, the first is %v", tag, of, a.rows, a.first)
			return
		}
		for i, m := range []*maybe{t.user["@a"], t.system["net_write_timeout"]} {
			if before := *m; !m.sees(a.first[1+i]) {
				c.fail("%s: %v, want %v", tag, a.first[1+i], before)
			}
		}
	}
	return s
}

// kill tells a server to end another session, or what it does.
func (c *client) kill(tag string) *statement {
	victim := c.w.clients[c.d.IntN(len(c.w.clients))]
	if victim == nil || victim == c || victim.over || victim.stage != says {
		return c.read("q" + tag)
	}
	id := strconv.Itoa(int(victim.id))
	c.w.condemned[victim.id] = true
	if c.d.one(3) {
		return query(tag, "KILL QUERY "+id)
	}
	s := query(tag, "KILL "+id)
	if c.d.one(3) {
		s = &statement{tag: tag, what: "COM_PROCESS_KILL " + id, c: proto.ComProcessKill, body: binary.LittleEndian.AppendUint32(nil, victim.id)}
	}
	s.ok = func(*answer) { victim.dies(c.w.now) }
	return s
}

// temporary makes a temporary table, or drops it.
func (c *client) temporary(tag string) *statement {
	if c.w.calm { // it would end with its backend
		return c.read("q" + tag)
	}
	after, s := number(1), query(tag, "CREATE TEMPORARY TABLE tmp (a INT)")
	if m := c.twin.temps; len(m) == 1 && m[0].text == "1" {
		after, s = number(0), query(tag, "DROP TEMPORARY TABLE tmp")
	}
	s.ok = func(*answer) { c.twin.temps = maybe{after} }
	s.maybe = func() { c.twin.temps = nil }
	return s
}

// autocommit switches it.
func (c *client) autocommit(tag string) *statement {
	on := c.d.IntN(2)
	s := query(tag, "SET autocommit = "+strconv.Itoa(on))
	s.ok = func(*answer) {
		if c.twin.manual = (maybe{number(1 - on)}); on == 1 {
			c.commits()
		}
	}
	s.maybe = func() {
		if c.twin.manual = nil; on == 1 {
			c.twin.unsure, c.twin.writes = true, nil
		}
	}
	return s
}

// reset is COM_RESET_CONNECTION.
func (c *client) reset(tag string) *statement {
	s := &statement{tag: tag, what: "COM_RESET_CONNECTION", c: proto.ComResetConnection}
	clear := c.clears()
	s.ok = func(*answer) { clear(true) }
	s.maybe = func() { clear(false) }
	return s
}

// clears is what becomes of the twin by a command that makes the session a new one, for sure or perhaps.
func (c *client) clears() func(sure bool) {
	c.twin.prepared, c.twin.ids, c.began = map[uint32]string{}, nil, false // it says nothing more of them
	c.twin.reading, c.twin.binding, c.twin.texts = nil, nil, map[string]string{}
	return func(sure bool) {
		t, fresh := c.twin, newTwin("")
		t.unsure = t.open && !sure
		t.open, t.writes = false, nil
		t.prepared, t.ids = fresh.prepared, nil
		for _, n := range userNames {
			if *t.user[n] = *fresh.user[n]; !sure {
				*t.user[n] = nil
			}
		}
		for _, n := range systemNames {
			if *t.system[n] = *fresh.system[n]; !sure {
				*t.system[n] = nil
			}
		}
		if t.inserted, t.manual, t.temps = fresh.inserted, fresh.manual, fresh.temps; !sure {
			t.inserted, t.manual, t.temps = nil, nil, nil
		}
		t.locks, t.left, t.texts, t.next, t.only = fresh.locks, residue{}, fresh.texts, fresh.next, fresh.only
		if !sure {
			t.locks, t.next, t.only = nil, nil, nil
		}
	}
}

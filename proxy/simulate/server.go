package simulate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	proto "segue/backend/wire"
)

// Kind is whose servers are played.
type Kind uint8

// The kinds.
const (
	MySQL Kind = iota
	StarRocks
	TiDB
)

// String names it.
func (k Kind) String() string { return [...]string{"mysql", "starrocks", "tidb"}[k] }

// server is one of a cluster.
type server struct {
	w    *World
	name string
	addr string
	kind Kind
	d    dice

	running bool // it accepts
	hung    bool // it says nothing
	full    bool // it has no room for new connections
	leaving bool // it closes idle sessions, and will be gone
	thread  uint32
	conns   []*backConn
	began   int
	lost    bool            // its host does not answer
	knows   map[string]bool // whose passwords it has seen, for caching_sha2_password
	other   map[string]bool // whose passwords have been changed here
}

// fate is what a connection to a server is to meet.
type fate struct {
	stage stage
	nth   int // command
	how   how
	at    int // byte of the answer
	reset bool
	pause time.Duration
}

// stage is where in a connection's life.
type stage uint8

const (
	nowhere stage = iota
	atDial
	atGreeting
	atLogin
	atCommand
)

// how says what happens there.
type how uint8

const (
	refuses   how = iota // or an ERR_Packet in its place
	hangs                // for pause
	ends                 // before it does what it is asked
	cuts                 // in the middle of what it says
	endsAfter            // behind what it says, with the last of it
	forgets              // it has done what it was asked, and ends before it says so
	slows
	lies
)

// backConn is a connection to a server.
type backConn struct {
	s      *server
	x      *wire
	d      dice
	name   string
	thread uint32
	in     packets
	caps   proto.Capability
	salt   []byte
	user   string
	as     string // whom it has become
	told   []byte // session_state_changes of the statement that runs
	news   bool   // … by the statement that has run
	seq    uint8
	phase  stage
	exam   func(payload []byte) // takes the next message of an authentication; nil: there is none, or it has just begun
	file   *upload              // that the client sends
	param  value                // of the statement that runs
	mem    *memory
	fate   fate
	count  int  // commands
	busy   bool // one runs
	killed bool
	cut    bool // the statement that runs is to be interrupted
	over   bool
	run    int // the number of the one that runs
	spoke  int64
	ended_ bool // the other side has closed its sending side
}

const caps = proto.ClientLongPassword | proto.ClientFoundRows | proto.ClientLongFlag | proto.ClientConnectWithDB | proto.ClientProtocol41 | proto.ClientTransactions |
	proto.ClientSecureConnection | proto.ClientMultiStatements | proto.ClientMultiResults | proto.ClientPSMultiResults | proto.ClientPluginAuth | proto.ClientDeprecateEOF

// newFate throws the dice for a connection.
func (s *server) newFate(d dice) (f fate) {
	if !d.chance(s.w.faults) {
		return fate{}
	}
	f = fate{stage: atCommand, how: how(d.IntN(7)), reset: d.one(3), pause: time.Duration(1 + d.span(8*time.Second)), nth: 1 + d.IntN(8), at: d.IntN(200)}
	if s.w.plays(Liars) && d.one(3) {
		f.how = lies
	}
	switch d.IntN(8) {
	case 0:
		f.stage = atDial
	case 1:
		f.stage = atGreeting
	case 2:
		f.stage = atLogin
	}
	return f
}

// dialed is called when somebody connects. done is told what comes of it.
func (s *server) dialed(done func(x *wire, err error)) {
	s.began++
	d := newDice(s.w.seed, ofLink, len(s.name)+1000*s.index()+s.began*100000)
	f := s.newFate(d)
	wait := d.span(2 * time.Millisecond)
	if f.stage == atDial && f.how == hangs {
		wait += int64(f.pause)
	}
	s.w.add(s.w.now+wait, func() {
		if s.lost {
			s.waits(done)
			return
		}
		switch {
		case !s.running, f.stage == atDial && f.how == refuses:
			done(nil, syscall.ECONNREFUSED)
			return
		case f.stage == atDial && f.how == ends:
			done(nil, syscall.ECONNRESET)
			return
		}
		s.thread++
		b := &backConn{s: s, d: d, thread: s.thread, fate: f, mem: newMemory(), name: fmt.Sprintf("%s#%d", s.name, s.thread), phase: atGreeting, spoke: s.w.now}
		b.x = s.w.connect(b.name, b)
		s.conns = append(s.conns, b)
		done(b.x, nil)
		s.w.after(d.span(time.Millisecond), b.greet)
	})
}

func (s *server) index() int { return slices.Index(s.w.servers, s) }

// greet is the beginning.
func (b *backConn) greet() {
	if b.over {
		return
	}
	if b.s.hung {
		b.s.w.after(int64(20*time.Millisecond), b.greet)
		return
	}
	if b.s.full {
		packet, _ := proto.AppendPacket(nil, 0, (&proto.Err{Code: 1040, Message: "Too many connections"}).Append(nil))
		b.note("is full")
		b.send(packet, true)
		b.die()
		return
	}
	b.salt = make([]byte, 20)
	for i := range b.salt {
		b.salt[i] = byte(1 + b.d.IntN(120))
	}
	g := proto.HandshakeV10{
		ServerVersion: "8.0.33-" + b.s.kind.String(), ConnectionID: b.thread, AuthData: b.salt, Capabilities: b.s.w.caps(), Charset: 45, Status: proto.StatusAutocommit,
		AuthPlugin: b.s.w.plugin(),
	}
	packet, _ := proto.AppendPacket(nil, 0, g.Append(nil))
	if b.meets(atGreeting, packet, b.greet) {
		return
	}
	b.note("greets")
	b.send(packet, false)
	b.phase = atLogin
}

// meets lets fate strike, and reports whether it has.
func (b *backConn) meets(at stage, packet []byte, later func()) bool {
	f := b.fate
	if f.stage != at {
		return false
	}
	b.fate = fate{}
	b.note("meets its fate: %v %v", f.stage, f.how)
	switch f.how {
	case refuses:
		e := &proto.Err{Code: 1040, Message: "Too many connections"}
		if at == atLogin {
			e = &proto.Err{Code: 1203, State: "42000", Message: "User has already more than 'max_user_connections' active connections"}
		}
		packet, _ := proto.AppendPacket(nil, b.seq, e.Append(nil))
		b.send(packet, true)
		b.die()
	case hangs:
		b.s.w.after(int64(f.pause), later)
	case ends, forgets:
		b.end(f.reset)
	case cuts:
		b.send(packet[:min(f.at, len(packet))], !f.reset)
		b.end(f.reset)
	case endsAfter:
		b.send(packet, true)
		b.die()
	case slows:
		b.x.slow = 300 * time.Millisecond
		return false
	case lies:
		b.lie()
	}
	return true
}

func (b *backConn) send(packet []byte, fin bool) { b.x.send(packet, fin) }

// die is close(2), with what it brings.
func (b *backConn) die() {
	if b.over {
		return
	}
	b.over, b.mem = true, newMemory() // what was not committed has never been
	b.x.close()
	if at := slices.Index(b.s.conns, b); at >= 0 {
		b.s.conns = slices.Delete(b.s.conns, at, at+1)
	}
}

// end ends the connection, in some way.
func (b *backConn) end(reset bool) {
	if b.over {
		return
	}
	b.note("ends (reset: %v)", reset)
	if reset {
		b.x.reset(b.d.one(2))
	}
	b.die()
}

func (b *backConn) received(p []byte) {
	b.in.add(p)
	b.work()
}

func (b *backConn) ended(err error) {
	b.ended_ = true
	switch {
	case err != io.EOF: //nolint:errorlint // it is never wrapped
		b.note("is reset")
		b.die()
	case !b.busy:
		b.note("hears the end")
		b.die()
	}
}

// work does what has come.
func (b *backConn) work() {
	if b.over || b.busy || b.phase == atGreeting {
		return
	}
	if b.s.hung {
		b.busy = true
		b.s.w.after(int64(20*time.Millisecond), func() {
			b.busy = false
			b.work()
		})
		return
	}
	payload, seq, ok := b.in.next()
	if !ok {
		if b.ended_ {
			b.die()
		}
		return
	}
	payload = bytes.Clone(payload)
	before := b.seq
	b.seq = seq + b.in.more + 1
	switch {
	case b.exam != nil:
		b.examined(payload)
		return
	case b.phase == atLogin:
		b.login(payload)
		return
	case b.file != nil:
		b.uploaded(payload, seq == before)
		return
	}
	if len(payload) == 0 {
		b.s.w.fail("%s is sent an empty command", b.name)
		return
	}
	if seq != 0 {
		b.s.w.fail("%s is sent a command with sequence id %d", b.name, seq)
	}
	b.count++
	if b.fate.stage == atCommand && b.fate.nth <= b.count && b.strike(payload) {
		return
	}
	b.begin(payload, 0)
}

// strike is fate at a command.
func (b *backConn) strike(payload []byte) bool {
	f := b.fate
	switch f.how {
	case ends, refuses:
		b.fate = fate{}
		b.end(f.reset)
		return true
	case hangs:
		b.fate = fate{}
		b.begin(payload, f.pause)
		return true
	case slows:
		b.fate = fate{}
		b.x.slow = 300 * time.Millisecond
	case lies:
		b.fate = fate{}
		b.lie()
		return true
	default:
	}
	return false
}

// begin executes a command in a while.
func (b *backConn) begin(payload []byte, wait time.Duration) {
	c := proto.Command(payload[0])
	if c == proto.ComQuit {
		b.note("hears COM_QUIT")
		b.die()
		return
	}
	b.busy, b.cut = true, false
	b.run++
	run := b.run
	took := b.d.span(3*time.Millisecond) + int64(wait)
	if _, after, ok := bytes.Cut(payload, []byte("SLEEP(")); ok {
		s, _, _ := strings.Cut(string(after), ")")
		ms, _ := strconv.ParseFloat(s, 64)
		took += int64(ms * float64(time.Second))
	}
	b.note("begins %s %q", c, payload[1:min(len(payload), 400)])
	b.s.w.after(took, func() {
		if b.over || b.run != run {
			return
		}
		b.execute1(c, payload, run)
	})
}

// execute1 executes a command, and answers.
func (b *backConn) execute1(c proto.Command, payload []byte, run int) {
	if b.s.hung {
		b.s.w.after(int64(20*time.Millisecond), func() {
			if !b.over && b.run == run {
				b.execute1(c, payload, run)
			}
		})
		return
	}
	if c == proto.ComChangeUser && !b.killed && !b.cut {
		b.changeUser(payload, run)
		return
	}
	r := b.do(c, payload)
	if b.over {
		return
	}
	b.answer(c, r, run)
}

// answer says what a command has come to.
func (b *backConn) answer(c proto.Command, r *result, run int) {
	answer := r.encode(b.seq, b.caps, b.status())
	b.note("has done %s: %s", c, r.summary())
	b.spoke = b.s.w.now
	if r.silent {
		b.busy = false
		b.work()
		return
	}
	b.s.w.after(b.d.span(time.Millisecond), func() {
		if b.over || b.run != run {
			return
		}
		if b.fate.stage == atCommand && b.fate.nth <= b.count {
			f := b.fate
			b.fate = fate{}
			switch f.how {
			case forgets:
				b.end(f.reset)
				return
			case cuts:
				b.note("says %d of %d bytes", min(f.at, len(answer)), len(answer))
				b.send(answer[:min(f.at, len(answer))], !f.reset && b.d.one(2))
				b.end(f.reset)
				return
			case endsAfter:
				b.note("says all, and ends")
				b.send(answer, true)
				b.die()
				return
			default:
			}
		}
		b.busy = false
		if b.d.one(4) && len(answer) > 4 { // in two
			at := 1 + b.d.IntN(len(answer)-1)
			b.send(answer[:at], false)
			answer = answer[at:]
		}
		b.send(answer, false)
		if r.file != "" {
			b.seq += 1 // the packet's own
		}
		if b.killed {
			b.end(false)
			return
		}
		b.idles()
		b.work()
	})
}

func (r *result) summary() string {
	switch {
	case r.err != nil:
		return r.err.Error()
	case r.stmt != nil:
		return fmt.Sprintf("prepared %d", r.stmt.id)
	case r.columns != nil:
		return fmt.Sprintf("%d rows, the first is %v", len(r.rows), r.columns)
	}
	return "OK"
}

// do executes a command.
func (b *backConn) do(c proto.Command, payload []byte) *result {
	body := payload[1:]
	switch {
	case b.killed:
		b.end(b.d.one(3)) // TiDB's way
		return &result{}
	case c == proto.ComStmtClose:
		b.mem.forget(binary.LittleEndian.Uint32(body))
		delete(b.mem.Prepared, binary.LittleEndian.Uint32(body))
		return &result{silent: true}
	case c == proto.ComStmtSendLongData:
		b.mem.takes(body)
		return &result{silent: true}
	case b.cut:
		return sqlErr(1317, "70100", "Query execution was interrupted")
	case b.s.leaving && b.s.kind == MySQL && b.d.one(2):
		r := sqlErr(1053, "08S01", "Server shutdown in progress")
		b.killed = true
		return r
	case b.s.kind == StarRocks && b.s.w.leaderless && c == proto.ComQuery && bytes.HasPrefix(body, []byte("INSERT")):
		return sqlErr(1064, "HY000", "Cannot open null host")
	}
	switch c {
	case proto.ComQuery:
		return b.query(string(body))
	case proto.ComPing:
		if b.s.leaving && b.s.kind == TiDB { // it runs all else meanwhile
			return sqlErr(1053, "08S01", "Server shutdown in progress")
		}
		return &result{}
	case proto.ComInitDB:
		b.mem.uses(string(body))
		b.tellsSchema()
		r := &result{}
		b.tells(r)
		return r
	case proto.ComStmtPrepare:
		return b.prepare(string(body))
	case proto.ComStmtExecute:
		return b.execute(binary.LittleEndian.Uint32(body), body)
	case proto.ComStmtReset:
		b.mem.forget(binary.LittleEndian.Uint32(body))
		return &result{}
	case proto.ComResetConnection:
		if b.s.kind == StarRocks {
			b.mem.resets()
			return &result{}
		}
		db := b.mem.Database
		b.mem = newMemory()
		b.told = nil
		b.mem.Database = db
		return &result{}
	case proto.ComProcessKill:
		return b.kill(strconv.Itoa(int(binary.LittleEndian.Uint32(body))))
	}
	if r := b.doMore(c, body); r != nil {
		return r
	}
	b.s.w.fail("%s is sent %s, which no client sends", b.name, c)
	return sqlErr(1047, "08S01", "Unknown command")
}

// kill is KILL.
func (b *backConn) kill(s string) *result {
	given, query := strings.CutPrefix(s, "QUERY ")
	id, _ := strconv.ParseUint(strings.TrimPrefix(given, "CONNECTION "), 10, 64)
	if b.s.w.core.Killable(uint32(id)) {
		b.s.w.fail("%s is sent a KILL by the id that a client knows: %q", b.name, s)
	}
	for _, v := range b.s.conns {
		if uint64(v.thread) != id || v.phase != atCommand || v.over {
			continue
		}
		b.s.w.shot(v, b)
		v.note("is killed (query: %v)", query)
		switch {
		case query:
			v.interrupt()
		case v == b:
			b.killed = true
			return sqlErr(1317, "70100", "Query execution was interrupted")
		case v.busy || b.s.kind == TiDB && b.d.one(2):
			v.killed = true
			if v.busy {
				v.s.w.after(v.d.span(50*time.Millisecond), func() { v.end(v.d.one(4)) })
			}
		default:
			v.killed = true
			v.s.w.after(v.d.span(50*time.Millisecond), func() {
				if v.s.kind == MySQL && v.d.one(2) && !v.over && !v.busy && v.exam == nil && v.file == nil {
					packet, _ := proto.AppendPacket(nil, 0, (&proto.Err{Code: 1927, State: "70100", Message: "Connection was killed"}).Append(nil))
					v.send(packet, false)
				}
				v.end(v.d.one(4))
			})
		}
		return &result{}
	}
	return sqlErr(1094, "HY000", "Unknown thread id: "+strconv.FormatUint(id, 10))
}

// interrupt is what KILL QUERY does to a statement that runs.
func (b *backConn) interrupt() { b.cut = b.busy }

// login takes a message of the authentication.
func (b *backConn) login(payload []byte) {
	verdict := func(ok bool) {
		r := &result{}
		if !ok {
			r = sqlErr(1045, "28000", "Access denied for user")
		}
		answer := r.encode(b.seq, b.caps, b.status())
		b.busy = true
		takes := time.Millisecond
		if b.s.w.plays(SlowLogins) && b.d.one(2) {
			takes = 400 * time.Millisecond
		}
		b.s.w.after(b.d.span(takes), func() {
			if b.busy = false; b.over || b.meets(atLogin, answer, func() { b.allow(ok, answer) }) {
				return
			}
			b.allow(ok, answer)
		})
	}
	var r proto.HandshakeResponse41
	if err := r.Decode(payload); err != nil {
		b.s.w.fail("%s is sent a broken login: %v", b.name, err)
		return
	}
	b.user, b.caps = r.Username, r.Capabilities&b.s.w.caps()
	b.mem.uses(r.Database)
	if r.AuthPlugin == proto.PluginTiDBSessionToken {
		verdict(b.s.kind == TiDB && b.s.w.tokens && string(r.AuthResponse) == "token of "+b.user)
		return
	}
	b.examine(r.AuthPlugin, r.AuthResponse, verdict)
}

func (b *backConn) allow(ok bool, answer []byte) {
	if b.over {
		return
	}
	b.note("logs in %s: %v", b.user, ok)
	b.send(answer, !ok)
	if !ok {
		b.die()
		return
	}
	b.phase = atCommand
	b.idles()
	b.spoke = b.s.w.now
	b.work()
}

// passwords are those of the servers' accounts.
var passwords = map[string]string{"app": "pw", "hash": "pw2", "anon": "pw3", "late": "pw4", "service": "pw5"}

func (b *backConn) note(format string, args ...any) { b.s.w.note(b.name, format, args...) }

// What happens to a server as a whole.

// crash is kill -9, or a machine that resets.
func (s *server) crash() {
	s.running, s.leaving = false, false
	for _, b := range slices.Clone(s.conns) {
		b.end(s.d.one(3))
	}
}

// leave is a graceful exit: a StarRocks FE closes who is idle.
func (s *server) leave() {
	s.leaving = true
	s.sweep()
}

func (s *server) sweep() {
	if !s.leaving || !s.running {
		return
	}
	for _, b := range slices.Clone(s.conns) {
		idle := s.w.now-b.spoke > int64(time.Second)
		if b.phase == atCommand && !b.busy && idle && len(b.in.b) == 0 && s.kind != MySQL {
			b.end(false)
		}
	}
	s.w.after(int64(50*time.Millisecond), s.sweep)
}

func (s *server) start() {
	s.running, s.leaving, s.hung, s.full = true, false, false, false
	s.lost, s.knows = false, map[string]bool{}
}

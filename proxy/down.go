package proxy

import (
	"encoding/binary"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/counts"
	"segue/proxy/ledger"
	"segue/proxy/plan"
	"segue/proxy/track"
)

// What the backend sends.

// received implements linkUser: it takes bytes of the backend's; fin means that it has closed behind them. What is to be shown again it keeps.
func (s *session) received(l *link, b []byte, fin bool) {
	for len(b) > 0 && s.state != Closed && s.back == l && !l.closed {
		if s.end == Drained || s.end == Shutdown || s.end == Killed {
			return // a StarRocks FE answers even COM_QUIT
		}
		own := s.track.OwnOutstanding()
		if e, ok := s.errand.(*killing); ok && e.sent && !own {
			n, took := e.answered(b)
			if took && n == 0 {
				s.back.put(b)
				return
			}
			if took {
				b = b[n:]
				s.client.goOn()
				continue
			}
		}
		if !own {
			var taken bool
			if b, taken = s.turnedAway(b); taken {
				return
			}
		}
		if s.halfFarewell(b, own) {
			s.back.put(b)
			return
		}
		if s.who.crossed && !own {
			switch torn, more := s.isTorn(b); {
			case torn:
				return
			case more && !fin:
				s.back.put(b)
				return
			}
		}
		if n, is := s.tooLate(b, own); is {
			if n == 0 {
				s.back.put(b)
				return
			}
			b = b[n:]
			continue
		}
		outstanding := s.track.Outstanding()
		alone := outstanding == 1 && !s.track.Answered()
		n, forward, passes := s.see(b, own)
		rest := b[n:]
		if passes && n > 0 && !s.pass(forward, alone && len(rest) == 0, fin && len(rest) == 0) {
			return
		}
		if n == 0 {
			s.back.put(b)
			return
		}
		b = rest
	}
}

// pass sends an answer, or a part of one, on to the client. whole: it began with these bytes, and nothing came behind it. fin: the backend has closed behind
// it. It reports whether the session goes on.
func (s *session) pass(b []byte, whole, fin bool) bool {
	end, probe := stays, false
	if s.track.Outstanding() == 0 {
		if s.transferDue() {
			s.scheduleTransfer()
		}
		probe = whole && s.track.Pinged()
		end = s.boundary(true, probe)
	}
	gone := fin && !s.ties().Rebuildable()
	if end != endsAnswer && (!probe || !gone) { // otherwise the end takes its place
		s.client.deliver(b, end == endsHere || gone)
	}
	if end == stays {
		s.client.goOn()
		return true
	}
	s.endAs(s.notice.intent.end, s.notice.intent.cause)
	if s.state != Closed {
		s.farewell(nil) // behind what the client has been given last
	}
	return false
}

// maxFarewell bounds the packet that halfFarewell waits for: no server's message is longer than MYSQL_ERRMSG_SIZE, 512 bytes.
const maxFarewell = 4 << 10

// halfFarewell reports whether the backend has said unasked the beginning of what saysFarewell may be about. The session stays as it is until
// the rest has come: a half that is dropped would leave the other for the client.
func (s *session) halfFarewell(b []byte, own bool) bool {
	if own || s.track.Outstanding() > 0 || s.track.MidAnswer() || !s.saysFarewell() {
		return false
	}
	if len(b) < wire.HeaderLen {
		return true
	}
	n, _ := wire.DecodeHeader(b)
	return len(b) < wire.HeaderLen+n && n <= maxFarewell
}

// tooLate reports whether the backend has ended the session for its idleness while a statement was on its way there: what it says is no answer, as its
// sequence id tells, and the statement has not run. It returns how much of b that is, 0 if more must be seen; the end follows.
func (s *session) tooLate(b []byte, own bool) (n int, is bool) {
	if own || s.track.Outstanding() == 0 || s.track.Answered() || s.track.Opaque() != 0 || s.track.NextSeq() == 0 || len(b) < codeAt+2 {
		return 0, false
	}
	length, seq := wire.DecodeHeader(b)
	if seq != 0 || length > maxFarewell || !wire.IsErr(b[wire.HeaderLen:]) || binary.LittleEndian.Uint16(b[codeAt:]) != codeTooIdle {
		return 0, false
	}
	if n = wire.HeaderLen + length; n > len(b) {
		return 0, true
	}
	s.back.tooIdle = true
	return n, true
}

// see lets the tracker see bytes of the backend's. It returns how many of them belong together, and whether the client gets them.
func (s *session) see(b []byte, own bool) (n int, forward []byte, passes bool) {
	unasked := s.track.Outstanding() == 0
	n, forward = s.track.ServerTo(s, b)
	switch {
	case unasked && !own && s.saysFarewell():
		s.back.tooIdle = len(b) >= codeAt+2 && binary.LittleEndian.Uint16(b[codeAt:]) == codeTooIdle
		if s.track.MidAnswer() { // it is longer than any server's message, and what follows would be taken for answers
			s.back.close()
			s.broke(s.back, errUnasked)
		}
		return len(b), nil, false
	case own:
		if !s.track.OwnOutstanding() {
			s.follow()
			s.client.again()
		}
		return n, nil, false
	case s.track.UnaskedInfile():
		s.endNow(Protocol, errUnaskedInfile, clientError(s.backendName()+" asked for a local file that no statement had mentioned"))
		return len(b), nil, false
	}
	if n > 0 {
		s.stmt.release(s.w) // the answer has begun
	}
	if s.errand != nil && s.track.Opaque() != 0 && (s.state == Moving || s.state == Holding) {
		// It has said something that cannot be read: what would be taken along is not known any more.
		s.dropErrand()
		s.enter(Idle)
	}
	if s.track.Opaque() != 0 {
		s.endWait(nil)
	}
	s.follow()
	if s.state == Opaque && s.mayHide() {
		s.endUnread()
		return len(b), nil, false
	}
	if s.state == Idle && s.isCurious() {
		(&inquiry{s: s}).soon()
	}
	if s.stmt.electing && s.track.Outstanding() == 0 { // the statement that had to wait for a leader has been answered
		s.stmt.electing = false
		s.w.server.metrics.hold.WithLabelValues(heldSent).Observe(time.Duration(s.w.now() - s.stmt.sent).Seconds())
		s.hidden(ledger.Election, ledger.Held, s.backendName(), errLeaderless)
	}
	return n, forward, true
}

// saysFarewell reports whether what the backend has said unasked is why it is about to close the connection (ERR 1927, 4031), and is nothing
// to a client that goes on elsewhere: it would take it for the answer to its next statement.
func (s *session) saysFarewell() bool {
	return s.track.Opaque() == 0 && (s.state == Moving || s.state == Holding || s.ties().Rebuildable())
}

// codeTooIdle is ER_CLIENT_INTERACTION_TIMEOUT of MySQL 8.0.24 and later.
const codeTooIdle = 4031

// codeAt is where an ERR_Packet has its code, behind the header.
const codeAt = wire.HeaderLen + 1

// turnedAway takes the answer of a server that says that it, or its cluster, cannot run statements now, and reports whether the client is
// not to see it: the statement is then sent again, as soon as that makes sense. Otherwise it returns what the client is to see.
func (s *session) turnedAway(answer []byte) (instead []byte, taken bool) {
	if len(answer) < codeAt+2 || !wire.IsErr(answer[wire.HeaderLen:]) {
		return answer, false
	}
	return s.heardRefusal(answer)
}

// heardRefusal is turnedAway for what may be an ERR_Packet.
func (s *session) heardRefusal(answer []byte) (instead []byte, taken bool) {
	code := binary.LittleEndian.Uint16(answer[codeAt:])
	if (code == codePrevented || code == codeReadOnlyMode) && s.w.server.options().Flavor == backend.MySQL {
		s.w.server.misdirected(s.backend())
		return answer, false
	}
	if code != codeServerShutdown && code != codeInterrupted && code != codeConnectionKilled && code != codeParse {
		return answer, false
	}
	said := new(wire.Err)
	n, seq := wire.DecodeHeader(answer)
	if len(answer) != wire.HeaderLen+n || said.Decode(answer[wire.HeaderLen:]) != nil {
		return answer, false
	}
	f := facts{s}.refused(code, said)
	if f.Leaderless {
		s.w.server.misdirected(s.backend())
	}
	action := plan.Refused(&f)
	switch action {
	case plan.PassDryRun:
		s.w.server.metrics.hold.WithLabelValues(heldDryRun).Observe(0)
	case plan.PassFull:
		s.w.server.metrics.hold.WithLabelValues(heldFull).Observe(0)
	case plan.AnswerPing:
		well := wire.OK{Status: s.track.Status()}
		instead, _ = wire.AppendPacket(nil, seq, well.Append(nil, s.track.Capabilities()))
		return instead, false
	case plan.SendElse:
		s.abandon(counts.Again)
		s.stmt.takeBack(said)
		s.stmt.electing = false
		s.w.server.evidence(s.backend(), said)
		(&departure{refused: true}).start(s)
		return nil, true
	case plan.AwaitLeader:
		s.abandon(counts.Again)
		s.stmt.takeBack(said)
		new(election).start(s)
		return nil, true
	case plan.Pass:
		if f.Killed && !s.kills.interrupts(s.since) {
			s.heardKilled(code)
		}
	}
	return answer, false
}

// refused gathers what plan.Refused goes by.
func (s facts) refused(code uint16, said *wire.Err) plan.RefusedFacts {
	o := s.w.server.options()
	f := plan.RefusedFacts{CanMove: s.ties().CanMove()}
	if !f.CanMove {
		return f
	}
	look, known := s.running()
	if code == codeParse {
		f.Leaderless = impersonates(o.Flavor) && leaderlessText(said.Message)
		f.Sole = known && look.Sole
		f.Unsettled = f.Leaderless && s.w.server.unsettled()
		f.Tired = s.stmt.atWork(s.w.now(), s.since) >= o.Hold.timeout()
		f.DryRun = o.Hold.DryRun
		f.Full = s.w.server.waiting.Load() >= o.Hold.statements()
		return f
	}
	f.GoingAway = true
	f.Killed = code != codeServerShutdown && s.backend().Status().Health == backend.Up
	f.Elsewhere = s.w.server.elsewhere(s.backend())
	f.RunAgain = known && s.mayRunAgain(&look)
	// A leaving TiDB runs all statements for graceful-wait-before-shutdown, and refuses pings alone, so that load balancers see it.
	f.Ping = o.Flavor == backend.TiDB && code == codeServerShutdown && look.Command == wire.ComPing && s.toldToLeave()
	return f
}

// running looks at the statement that runs, of whose answer nothing has passed; known is false if it is not kept, or is not the only one.
func (s *session) running() (look track.Look, known bool) {
	b := s.stmt.text
	if b == nil || s.track.Outstanding() != 1 || s.track.MidCommand() || s.track.Answered() || s.track.Pinned() != "" || s.kills.interrupts(s.since) {
		return look, false
	}
	look = s.track.Look(b)
	return look, look.Whole && look.Len == len(b)
}

// The texts by which an FE says that it could not forward a statement to the leader because there was no connection to it, so that the
// statement has run nowhere: TSocket.open's, which ThriftRPCRequestExecutor.call passes on if it has not called yet. What goes wrong later has other
// texts. "null host": the FE knows of no leader (StarRocks issue 17575).
var leaderlessTexts = [...]string{"Cannot open null host", "java.net.ConnectException: Connection refused", "java.net.NoRouteToHostException"}

func leaderlessText(message string) bool {
	for _, text := range leaderlessTexts {
		if strings.HasPrefix(message, text) {
			return true
		}
	}
	return false
}

// unsettledFor is how long after a backend's last change a leader may still be being elected: up to 30 s (starting FEs included, twice that).
const unsettledFor = time.Minute

// unsettled reports whether something happens, or has just happened, to the cluster.
func (s *Server) unsettled() bool {
	for _, b := range s.registry.Backends() {
		if st := b.Status(); st.Health != backend.Up || time.Since(st.Since) < unsettledFor {
			return true
		}
	}
	return false
}

// seen enters an error that the session's client saw because a backend went, or none was to be had.
func (s *session) seen(kind ledger.Kind, cause error) {
	s.hidden(kind, ledger.Seen, s.backendName(), cause)
}

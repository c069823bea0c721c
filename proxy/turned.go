package proxy

import (
	"encoding/binary"
	"strings"
	"time"

	"segue/backend"
	"segue/proxy/track"
	"segue/proxy/wire"
)

// What a server says in place of an answer, when what is wrong is the server.

// turnedAway takes the answer of a server that says that it, or its cluster, cannot run statements now, and reports whether the client is
// not to see it: the statement is then sent again, as soon as that makes sense.
func (s *session) turnedAway(answer []byte) bool {
	return len(answer) >= codeAt+2 && wire.IsErr(answer[wire.HeaderLen:]) && s.heardRefusal(answer)
}

// codeAt is where an ERR_Packet has its code, behind the header.
const codeAt = wire.HeaderLen + 1

// heardRefusal is turnedAway for what may be an ERR_Packet. It stands apart because of its frame: see pump.
//
//go:noinline
func (s *session) heardRefusal(answer []byte) bool {
	code := binary.LittleEndian.Uint16(answer[codeAt:])
	if code != codeServerShutdown && code != codeInterrupted && code != codeConnectionKilled && code != codeParse {
		return false
	}
	if n, _ := wire.DecodeHeader(answer); len(answer) != wire.HeaderLen+n || !s.canMove() {
		return false
	}
	said := new(wire.Err)
	if said.Decode(answer[wire.HeaderLen:]) != nil {
		return false
	}
	switch {
	case code == codeParse:
		return s.leaderless(said)
	case code != codeServerShutdown && s.lease.Backend().Status().Health == backend.Up:
		return false // somebody has killed the statement
	}
	return s.goneAway(said)
}

// goneAway takes back a statement that only reads from a server that is going: ER_SERVER_SHUTDOWN, which TiDB gives to COM_PING as soon as it has been
// told to stop, or the statement was cut off by the end of the server.
func (s *session) goneAway(said *wire.Err) bool {
	if !s.elsewhere() {
		return false
	}
	if s.away.again = s.runAgain(); s.away.again == nil {
		return false
	}
	s.away.refusal, s.away.electing = said, false
	s.server.evidence(s.lease.Backend(), said)
	s.enter(Moving)
	return true
}

// The texts by which an FE says that it could not forward a statement to the leader because there was no connection to it, so that the
// statement has run nowhere: TSocket.open's, which ThriftRPCRequestExecutor.call passes on if it has not called yet. What goes wrong later has other
// texts. "null host": the FE knows of no leader (StarRocks issue 17575).
var leaderlessTexts = [...]string{"Cannot open null host", "java.net.ConnectException: Connection refused", "java.net.NoRouteToHostException"}

// leaderless takes back a statement that an FE could not forward while a leader is being elected. Only while something happens to the
// cluster: in quiet times the error is the cluster's own, and the client's to see.
func (s *session) leaderless(said *wire.Err) bool {
	o := s.server.options()
	if !impersonates(o.Flavor) || !leaderlessText(said.Message) || !s.server.unsettled() {
		return false
	}
	switch {
	case s.atWork() >= o.Hold.timeout():
	case o.Hold.DryRun:
		s.server.metrics.hold.WithLabelValues(heldDryRun).Observe(0)
	case s.server.holding.units.Load() >= o.Hold.statements():
		s.server.metrics.hold.WithLabelValues(heldFull).Observe(0)
	default:
		if s.away.again = s.takeBack(func(look track.Look, _ []byte) bool { return look.Sole }); s.away.again != nil {
			s.away.refusal, s.away.electing = said, true
			s.enter(Moving)
			return true
		}
	}
	return false
}

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

// awaitLeader waits a little with a statement that could not be forwarded and sends it again, to the same backend. It reports false if the
// session has to leave that first.
func (s *session) awaitLeader() bool {
	pause, deadline, ok := s.beginElection()
	if !ok {
		return false
	}
	again := s.server.pause(&pause, deadline)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.turn.Broadcast()
	s.server.holding.remove(s, 1)
	s.enter(Moving)
	switch {
	case s.end != Open:
	case !again:
		s.server.metrics.hold.WithLabelValues(heldTimeout).Observe(s.atWork().Seconds())
		s.server.ledger.seen(s, lostHold, s.away.refusal)
		s.follow()
		s.refuseAgain()
		if s.lingerLocked(); s.wantsAway() {
			s.wakeLocked(0)
		}
	case s.back.hungUp() && s.hasCredential():
		s.away.lost, s.away.at, s.away.loss, s.away.told = true, s.server.elapsed(), errClosed, false
		return false
	case s.toldToLeave() && s.elsewhere():
		return false
	default:
		s.follow()
		s.sendAgain()
	}
	return true
}

func (s *session) beginElection() (pause time.Duration, deadline time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.away.electing || s.end != Open {
		return 0, time.Time{}, false
	}
	took := s.atWork()
	s.server.holding.add(s, 1)
	s.enter(Holding)
	return min(max(took, minPause), maxPause), time.Now().Add(s.server.options().Hold.timeout() - took), true
}

// elected notes that a statement that had to wait for a leader has been answered.
func (s *session) elected() {
	s.away.electing = false
	s.server.metrics.hold.WithLabelValues(heldSent).Observe(time.Duration(s.server.elapsed() - s.away.sent).Seconds())
	s.server.ledger.hidden(s, kindElection, actionHeld, s.backendName(), errLeaderless)
}

// refuseAgain gives the client what the backend has said to a statement that is not sent again after all.
func (s *session) refuseAgain() {
	s.answer(s.away.again[wire.HeaderLen-1], s.away.refusal)
	s.away.again, s.away.refusal, s.away.electing = nil, nil, false
	s.kept.release(&s.server.buffers)
}

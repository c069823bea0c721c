package proxy

import (
	"time"

	"segue/backend/wire"
	"segue/proxy/track"
)

// phase is how far a statement has come.
type phase uint8

const (
	noStatement phase = iota
	waiting           // it has come, and cannot be sent yet
	running           // it has been sent; its bytes may be needed again until its answer begins
	again             // it has been taken back, and is to be sent anew
)

// statement is the client's command that waits, runs, or is to be run again. While one is to be run again, another may have come behind it:
// that is part of what waits in session.rest, and came says so.
type statement struct {
	phase    phase
	attempts uint8 // how often it has been run again
	electing bool  // it waits, or has waited, for the cluster to have a leader
	held     bool  // it waits for a backend or the operator, not for a move alone
	starved  bool  // … for a backend
	excess   bool  // when it came, as many as may waited already
	late     bool  // it has waited for hold.timeout
	seq      uint8 // of the statement that waits
	size     int64 // of Hold.Statements, while it waits

	text    []byte    // a copy of it as the client sent it, in a buffer of the worker's; nil: it is not kept
	came    int64     // when it came to wait; 0: none waits
	sent    int64     // when it was sent for the first time
	refusal *wire.Err // what a backend has said to it in place of running it
}

// waits reports whether one has come, and cannot be sent yet.
func (st *statement) waits() bool { return st.came != 0 }

// begin notes that the statement at the head of b, which has come at the moment now, waits.
func (st *statement) begin(now int64, b []byte) {
	st.came, st.size, st.seq = max(now, 1), int64(max(1, len(b)/maxKept)), b[wire.HeaderLen-1]
	st.held, st.starved, st.excess, st.late = false, false, false, false
}

// again reports whether one has been taken back, and is to be sent anew.
func (st *statement) again() bool { return st.phase == again }

// keep copies the statement that is about to be sent.
func (st *statement) keep(w *worker, b []byte) {
	st.release(w)
	if len(b) <= maxKept {
		st.text = append(w.takeKept(len(b)), b...)
	}
}

// maxKept bounds what is kept of a statement that may have to be run again.
const maxKept = 16 << 10

// release forgets the copy: its answer has begun, or nobody will send it again.
func (st *statement) release(w *worker) {
	if st.text != nil {
		w.giveKept(st.text)
		st.text = nil
	}
}

// takeBack makes the statement that runs one that is to be run again. said is what the backend has said to it instead of running it, nil if it has
// said nothing.
func (st *statement) takeBack(said *wire.Err) { st.phase, st.refusal = again, said }

// forget gives up the statement that runs, or is to be run again: nobody will send it any more.
func (st *statement) forget(w *worker) {
	st.phase, st.refusal, st.electing = noStatement, nil, false
	st.release(w)
}

// atWork is for how long the statement that runs has been, at the moment now, those times included when it was run before. since is when the session
// became Busy with it.
func (st *statement) atWork(now, since int64) time.Duration {
	if st.attempts == 0 && !st.electing {
		st.sent = since
	}
	return time.Duration(now - st.sent)
}

// mayRetry reports whether the statement that runs may be run once more, as far as the limits go.
func (st *statement) mayRetry(limits *ReplayLimits, now, since int64) bool {
	return limits.allow(st.attempts, st.atWork(now, since))
}

// mayRunAgain reports whether running the statement twice makes no difference: it provably only reads, or is a ROLLBACK outside a
// transaction, or does no more than begin one, which ended with the connection.
func (st *statement) mayRunAgain(look *track.Look) bool {
	return look.ReadOnly || look.Rollback || harmless(look.Command) || look.Command == wire.ComQuery && track.IsBegin(st.text[wire.HeaderLen+1:])
}

// mayRunAgain reports the same of the statement that runs, or that it sets something of its session, and nothing else, to what it says: that has ended with
// the connection; and that replay's limits allow it.
func (s *session) mayRunAgain(look *track.Look) bool {
	return (s.stmt.mayRunAgain(look) || s.track.Settles(s.stmt.text)) && s.stmt.mayRetry(&s.w.server.options().Replay, s.w.now(), s.since)
}

// harmless reports whether a command other than a statement does the same when it is run twice, and to this session alone.
func harmless(c wire.Command) bool {
	switch c {
	case wire.ComPing, wire.ComInitDB, wire.ComStmtPrepare, wire.ComFieldList, wire.ComResetConnection:
		return true
	default:
		return false
	}
}

// answerSeq is the sequence id with which the client expects the answer to a statement that has not been sent, or has been taken back.
func (st *statement) answerSeq() uint8 {
	if st.again() && len(st.text) >= wire.HeaderLen {
		return st.text[wire.HeaderLen-1] + 1
	}
	return st.seq + 1
}

// isOne reports whether b is one packet and nothing else.
func isOne(b []byte) bool {
	if len(b) < wire.HeaderLen {
		return false
	}
	n, _ := wire.DecodeHeader(b)
	return len(b) == wire.HeaderLen+n && n != wire.MaxPayload
}

// closesAhead is the length of the COM_STMT_CLOSEs that b begins with, if something follows them. Drivers send one together with the statement behind it, as it
// has no answer, and that statement is to be treated as if it had come by itself.
func closesAhead(b []byte) int {
	const size = wire.HeaderLen + 1 + 4 // with the statement's id
	at := 0
	for len(b)-at > size && commandOf(b[at:]) == wire.ComStmtClose {
		if n, _ := wire.DecodeHeader(b[at:]); n != size-wire.HeaderLen {
			break
		}
		at += size
	}
	return at
}

// isHeadless reports whether too little of a command has come to know which one it is.
func isHeadless(b []byte) bool {
	if len(b) < wire.HeaderLen {
		return true
	}
	n, _ := wire.DecodeHeader(b)
	return n > 0 && len(b) == wire.HeaderLen
}

// commandOf is the command that b begins with, and 0 (COM_SLEEP, which no client sends) while that has not come.
func commandOf(b []byte) wire.Command {
	if len(b) <= wire.HeaderLen {
		return 0
	}
	if n, _ := wire.DecodeHeader(b); n == 0 {
		return 0
	}
	return wire.Command(b[wire.HeaderLen])
}

package track

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"segue/backend/wire"
)

// prepared is a statement of COM_STMT_PREPARE.
type prepared struct {
	client   uint32 // its id as the client knows it
	server   uint32 // … and as the backend does
	epoch    uint32 // of held, when it was prepared
	params   uint16
	bound    uint16 // parameters that types is about
	gone     bool   // it was not kept, and went with a backend that was lost
	defines  bool   // it may define a program
	taught   bool   // this backend has been told types, or there are none
	effect   effect
	text     text      // zero if it was too long
	database text      // the current one when it was prepared
	verdict  *verdict  // what it does when executed
	judgedBy *Programs // does is what it may do unseen by these
	does     effect
	types    []byte // of its parameters as the client sent them last; a server remembers them, and drivers send them once
}

const (
	// lastPrepared is the id by which MariaDB's clients name the statement prepared last, before they know its id.
	lastPrepared = 1<<32 - 1
	// nowhere is an id that no server gives: what is sent with it is answered by an ERR_Packet.
	nowhere = 1<<32 - 3
)

// statement looks a prepared statement up by the client's id.
func (s *State) statement(id uint32) *prepared {
	if s.held == nil {
		return nil
	}
	return s.held.stmts[id]
}

// inOrder are the prepared statements by the client's ids.
func (h *held) inOrder() []*prepared {
	return slices.SortedFunc(maps.Values(h.stmts), func(a, b *prepared) int { return cmp.Compare(a.client, b.client) })
}

// fresh gives the client's id for a statement that the backend has just prepared: the backend's own unless the client knows another
// statement by it, or it means something else.
func (h *held) fresh(server uint32) uint32 {
	if !h.virtual || h.free(server) {
		return server
	}
	id := h.given + 1
	for !h.free(id) {
		id++
	}
	return id
}

// free reports whether id can be the client's for a statement.
func (h *held) free(id uint32) bool { return id != 0 && id < nowhere && h.stmts[id] == nil }

// statementPrepared takes a COM_STMT_PREPARE_OK.
//
//go:noinline
func (s *State) statementPrepared(e *pending, body []byte) {
	h := s.hold()
	p := &prepared{epoch: h.epoch, database: s.current()}
	if e.verdict != nil && e.verdict.prepare != nil {
		*p = *e.verdict.prepare
	}
	p.server = binary.LittleEndian.Uint32(body[1:])
	p.params = binary.LittleEndian.Uint16(body[7:])
	p.client = h.fresh(p.server)
	p.taught = true
	s.forgetStatement(p.client) // the server may give an id away that it had given before
	if h.full() {
		if p.reduce(); len(h.stmts) >= maxPrepared && !h.virtual {
			h.pins |= pinTooLarge // whatever the statement is, the session stays where it is
			return                // that of another statement is not taken for its id
		}
	}
	if h.stmts == nil {
		h.stmts = map[uint32]*prepared{}
	}
	if h.stmts[p.client] = p; p.client != p.server {
		h.given = p.client
	}
	if h.grow(preparedSize); p.text != (text{}) {
		h.grow(len(p.text.Value()))
	}
	h.pins |= s.standing(p)
}

// reduce makes p a statement whose text is not kept, and of which nothing else that takes room is: should it leave something in the session when
// it is executed, what it is will not be known.
func (p *prepared) reduce() {
	if p.text = (text{}); p.verdict != nil && len(p.verdict.ops) > 0 {
		p.verdict = &verdict{ops: []op{{kind: opPin, pins: pinTooLarge}}}
	}
}

// preparedSize is what a prepared statement counts for beside its text.
const preparedSize = 96

// forgetStatement takes a statement away, if there is one by the client's id.
func (s *State) forgetStatement(id uint32) {
	s.cursors.remove(id)
	s.longData.remove(id)
	p := s.statement(id)
	if p == nil {
		return
	}
	h := s.held
	h.forgetText(p)
	h.grow(-preparedSize)
	if delete(h.stmts, id); len(h.stmts) == 0 {
		h.stmts = nil // a map keeps the room that it has had
	}
}

// forgetText takes away what it takes to prepare a statement again.
func (h *held) forgetText(p *prepared) {
	if h.grow(-len(p.types)); p.text != (text{}) {
		h.grow(-len(p.text.Value()))
	}
	p.text, p.types, p.bound = text{}, nil, 0
}

func (s *State) closeStatement(id uint32) {
	p := s.statement(id)
	if p == nil {
		s.forgetStatement(id)
		return
	}
	why := s.standing(p)
	if s.forgetStatement(id); why != 0 || s.held.pins&pinOverfull != 0 && s.held.size <= maxHeld {
		s.recheck()
	}
}

// sentLongData takes a COM_STMT_SEND_LONG_DATA, which has no answer that would tell whether the backend knows the statement. For one that it
// does not know it keeps nothing, and so nothing is kept of that here: a client may name any number of them.
func (s *State) sentLongData(id uint32) {
	switch {
	case id == lastPrepared, s.statement(id) != nil:
		s.longData.add(id)
	case s.preparing() != nil, s.held != nil && s.held.pins&pinTooLarge != 0: // it may be one that is not known here yet, or has not been kept
		s.longData.add(lastPrepared)
	}
}

// preparing is the newest COM_STMT_PREPARE if it has not been answered yet, or nil.
func (s *State) preparing() *pending {
	behind := s.queue.total - s.newest
	if s.newest == 0 || behind >= s.queue.n {
		return nil
	}
	if e := s.queue.at(s.queue.n - 1 - behind); e.command == wire.ComStmtPrepare {
		return e
	}
	return nil // of 1<<32 commands ago
}

// executing takes the head of a COM_STMT_EXECUTE or COM_STMT_BULK_EXECUTE: what the statement does, and the types that it binds.
func (s *State) executing(p *wire.Packet) {
	newest := s.queue.back()
	newest.effect = s.prepared
	id := statementID(p.Body)
	st := s.statement(id)
	if st == nil {
		if id == lastPrepared {
			s.executingLast(newest)
			newest.verdict = s.boundBy(newest.verdict, nil, nil)
		}
		return
	}
	newest.effect |= st.effect | s.runsPrepared(st)
	if st.text != (text{}) && (s.missing != 0 || s.warned) {
		newest.effect |= s.renewedBy([]byte(st.text.Value()))
	}
	if newest.verdict = s.boundBy(st.verdict, nil, nil); newest.command == wire.ComStmtExecute {
		newest.verdict = s.boundBy(st.verdict, st, p.Body)
	}
	if s.missing&leftSequences != 0 && st.text != (text{}) {
		newest.verdict = s.drawing(newest.verdict, []byte(st.text.Value()))
	}
	if st.params == 0 && !s.attrs || newest.command != wire.ComStmtExecute {
		return
	}
	need := p.Len
	if !s.attrs {
		need = min(need, typesAt+(int(st.params)+7)/8+1+2*int(st.params))
	}
	if len(p.Body) < need {
		s.collect(p.Body, min(need, maxText))
		s.reading = binding
		return
	}
	s.learn(st, p.Body)
}

// executingLast is executing for the statement prepared last, whose COM_STMT_PREPARE may not have been answered yet.
func (s *State) executingLast(newest *pending) {
	if e := s.preparing(); e != nil && e.verdict != nil && e.verdict.prepare != nil { // its text has come before this command
		newest.effect |= e.verdict.prepare.effect | s.runsPrepared(e.verdict.prepare)
		newest.verdict = e.verdict.prepare.verdict
		return
	}
	if s.held == nil || len(s.held.stmts) == 0 {
		return
	}
	if len(s.held.stmts) > 1 {
		newest.verdict = &verdict{ops: []op{{kind: opPin, pins: pinUnparsed}}} // which one was last is not kept
		return
	}
	for _, st := range s.held.stmts {
		newest.effect |= st.effect | s.runsPrepared(st)
		newest.verdict = st.verdict
	}
}

// typesAt is where in a COM_STMT_EXECUTE the NULL bitmap begins, or the number of parameters with CLIENT_QUERY_ATTRIBUTES.
const typesAt = 10

// countFollows is PARAMETER_COUNT_AVAILABLE, a flag of COM_STMT_EXECUTE.
const countFollows = 8

// parameters finds in the head of a COM_STMT_EXECUTE the flag that says whether types follow, and how many there are. ok is false if the
// head is too short to tell.
func (s *State) parameters(st *prepared, body []byte) (flag, n int, ok bool) {
	flag, n = typesAt, int(st.params)
	if s.attrs && len(body) > 5 && body[5]&countFollows != 0 {
		if len(body) <= flag {
			return 0, 0, false
		}
		count, size := wire.LenencInt(body[flag:])
		if size == 0 || count >= 1<<16 {
			return 0, 0, false
		}
		flag, n = flag+size, int(count)
	}
	flag += (n + 7) / 8
	return flag, n, len(body) > flag
}

// learn notes the types that an execution binds.
func (s *State) learn(st *prepared, body []byte) {
	flag, n, ok := s.parameters(st, body)
	if !ok || n == 0 || body[flag] != 1 {
		return
	}
	if st.taught = true; st.text == (text{}) {
		return // it is not prepared anywhere else
	}
	end := flag + 1
	for range n {
		if end += 2; s.attrs && end <= len(body) {
			_, size := wire.LenencString(body[end:])
			if size == 0 {
				end = len(body) + 1
				break
			}
			end += size
		}
	}
	if end > len(body) { // longer than is kept, or malformed
		s.held.forgetText(st)
		s.held.pins |= pinOverfull
		return
	}
	if types := body[flag+1 : end]; !bytes.Equal(types, st.types) {
		s.held.grow(len(types) - len(st.types))
		if st.types, st.bound = bytes.Clone(types), uint16(n); s.held.full() {
			s.held.forgetText(st)
			s.held.pins |= pinOverfull
		}
	}
}

// bound takes the head of a COM_STMT_EXECUTE that came in several chunks.
func (s *State) bound() {
	body := s.collected
	s.collected, s.reading = nil, notRead
	if st := s.statement(statementID(body)); st != nil {
		s.learn(st, body)
	}
}

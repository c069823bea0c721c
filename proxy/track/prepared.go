package track

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"segue/proxy/wire"
)

// prepared is a statement of COM_STMT_PREPARE.
type prepared struct {
	client   uint32 // its id as the client knows it
	server   uint32 // … and as the backend does
	epoch    uint32 // of held, when it was prepared
	params   uint16
	bound    uint16 // parameters that types is about
	taught   bool   // this backend has been told types, or there are none
	effect   effect
	text     text     // zero if it was too long
	database text     // the current one when it was prepared
	verdict  *verdict // what it does when executed
	types    []byte   // of its parameters as the client sent them last; a server remembers them, and drivers send them once
}

const (
	// lastPrepared is the id by which MariaDB's clients name the statement prepared last, before they know its id.
	lastPrepared = 1<<32 - 1
	// nowhere is an id that no server gives: what is sent with it is answered by an ERR_Packet.
	nowhere = 1<<32 - 3
)

// find looks a prepared statement up by the client's id.
func (h *held) find(id uint32) (int, bool) {
	return slices.BinarySearchFunc(h.stmts, id, func(p prepared, id uint32) int { return cmp.Compare(p.client, id) })
}

func (s *State) statement(id uint32) *prepared {
	if s.held == nil {
		return nil
	}
	if i, ok := s.held.find(id); ok {
		return &s.held.stmts[i]
	}
	return nil
}

// fresh gives the client's id for a statement that the backend has just prepared: the backend's own unless the client knows another
// statement by it.
func (h *held) fresh(server uint32) uint32 {
	if !h.virtual {
		return server
	}
	id := server
	if _, taken := h.find(id); !taken && id != lastPrepared && id != nowhere {
		return id
	}
	for id = h.stmts[len(h.stmts)-1].client + 1; ; id++ {
		if _, taken := h.find(id); !taken && id != 0 && id < nowhere {
			return id
		}
	}
}

// statementPrepared takes a COM_STMT_PREPARE_OK.
//
//go:noinline
func (s *State) statementPrepared(e *pending, body []byte) {
	h := s.hold()
	p := prepared{epoch: h.epoch, database: s.current()}
	if e.verdict != nil && e.verdict.prepare != nil {
		p = *e.verdict.prepare
	}
	p.server = binary.LittleEndian.Uint32(body[1:])
	p.params = binary.LittleEndian.Uint16(body[7:])
	p.client = h.fresh(p.server)
	p.taught = true
	i, ok := h.find(p.client)
	if ok { // the server has given an id away that it had given before
		h.close(i)
	}
	h.stmts = slices.Insert(h.stmts, i, p)
	if h.grow(96); p.text != (text{}) {
		h.grow(len(p.text.Value()))
	}
	if p.text == (text{}) || p.epoch != h.epoch || p.database != s.current() {
		h.pins |= pinPrepared
	}
}

// close forgets the statement at i.
func (h *held) close(i int) {
	p := &h.stmts[i]
	if h.size -= 96 + len(p.types); p.text != (text{}) {
		h.size -= len(p.text.Value())
	}
	h.stmts = slices.Delete(h.stmts, i, i+1)
}

func (s *State) closeStatement(id uint32) {
	if s.held == nil {
		return
	}
	if i, ok := s.held.find(id); ok {
		if s.held.close(i); s.held.pins&pinPrepared != 0 {
			s.recheck()
		}
	}
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
		}
		return
	}
	newest.effect |= st.effect
	newest.verdict = st.verdict
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
	for i := s.queue.n; i > 0; i-- {
		e := s.queue.at(i - 1)
		if e.command == wire.ComStmtPrepare && e.verdict != nil && e.verdict.prepare != nil {
			newest.effect |= e.verdict.prepare.effect
			newest.verdict = e.verdict.prepare.verdict
			return
		}
	}
	if s.held != nil && len(s.held.stmts) > 0 {
		newest.verdict = &verdict{ops: []op{{kind: opPin, pins: pinUnparsed}}} // which one was last is not kept
		if len(s.held.stmts) == 1 {
			newest.effect |= s.held.stmts[0].effect
			newest.verdict = s.held.stmts[0].verdict
		}
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
	st.taught = true
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
		st.types, st.bound = nil, 0
		s.hold().pins |= pinTooLarge
		return
	}
	if types := body[flag+1 : end]; !bytes.Equal(types, st.types) {
		s.held.grow(len(types) - len(st.types))
		st.types, st.bound = bytes.Clone(types), uint16(n)
	}
}

// bound takes the head of a COM_STMT_EXECUTE that came in several chunks.
func (s *State) bound() {
	body := s.held.collected
	s.held.collected, s.reading = nil, notRead
	if st := s.statement(statementID(body)); st != nil {
		s.learn(st, body)
	}
}

package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/track"
)

// killing is a KILL of the session's client's, from the moment that it has come until it has been answered. It is brought to the backend of the
// session that it is meant for: on the session's own connection if that is the one, or else on one that is logged in as the killer for this
// alone. The victim knows of it before it is sent (kills.go), so that it ends with its connection and does not move.
type killing struct {
	s *session
	track.Kill
	packet []byte // as the client has sent it
	user   string // the killer's
	masked bool   // see identity
	rights []string

	victim  *session         // nil: none of this Segue's sessions, or not understood
	far     *Victim          // another Segue's; with neither it is sent as it is
	id      uint32           // the victim's, that its client sees
	backend *backend.Backend // the victim's
	thread  uint32           // … and the id there
	same    bool             // it is the killer's own user's

	until int64 // when it is given up
	sent  bool  // on the session's own connection
	call  *call // or on one of its own
	begun bool  // … and has been said there
}

// bring begins to bring the KILL at the head of b to its victim.
func (k *killing) bring(s *session, b []byte) (n int, forward bool) {
	s.endWait(nil)
	length, _ := wire.DecodeHeader(b)
	if n = wire.HeaderLen + length; n > len(b) {
		if length > track.MaxKill {
			return s.commandAt(b).refuse(errForeignKill(commandOf(b), track.ForeignKill)), false
		}
		s.endWait(nil) // it waits for nothing but its own end
		return 0, false
	}
	kill, form := s.track.Kill(b[:n])
	switch form {
	case track.NoKill:
		return 0, true
	case track.UserKill, track.ForeignKill:
		return s.commandAt(b).refuse(errForeignKill(commandOf(b), form)), false
	default:
	}
	if s.beingKilled() { // its server would not run it any more
		s.endKilled()
		return len(b), false
	}
	s.who.become(s.track.User())
	*k = killing{s: s, Kill: kill, packet: bytes.Clone(b[:n]), user: s.track.User(), masked: s.who.masked, rights: s.track.Rights()}
	k.until = s.w.now() + int64(s.w.server.options().connectBudget())
	s.errand = k
	s.by(alarmErrand, k.until)
	k.aim()
	return n, false
}

// errForeignKill answers what would kill, and cannot be brought to the session that it means: sent on as it is it might hit another one.
func errForeignKill(c wire.Command, form track.KillForm) *wire.Err {
	e := errPacket(codeUnknown, "this KILL was not sent, as the session that it means cannot be told from it; say KILL [CONNECTION | QUERY] id, in a statement of its own")
	switch {
	case c == wire.ComStmtPrepare: // for which drivers fall back to a statement in text
		e.Code = codeUnsupportedPrepared
	case form == track.UserKill:
		e.Message = "segue: KILL USER was not sent: on one server alone it ends sessions that would go on elsewhere; kill them by their ids, which `segue sessions` shows"
	}
	e.State = "HY000"
	return e
}

// aim finds the victim.
func (k *killing) aim() {
	if k.Self {
		k.s.killState().aim(k)
		return
	}
	k.s.w.server.find(k)
}

// found is called with those sessions that may be meant.
func (k *killing) found(visible *candidate, others []candidate) {
	if k.s.errand != errand(k) {
		return
	}
	flavor := k.s.w.server.options().Flavor
	who, clash := choose(visible, others, flavor == backend.TiDB || flavor == backend.StarRocks && k.ID >= 1<<24)
	switch {
	case clash:
		k.answer(nil, fmt.Errorf("thread id %s is that of several sessions, on several backends; take the id of the greeting, which `segue sessions` shows", k.Given))
	case who == nil:
		k.aimed(nil)
	case who.far != nil:
		server, far := k.s.w.server, *who.far
		server.errands.Go(func() { server.aimFar(k, far) })
	default:
		if v := who.session; !v.post(func() { v.killState().aim(k) }) { // it has ended
			k.aimed(nil)
		}
	}
}

func (k *killing) isQuery() bool        { return k.Query }
func (k *killing) isBy(s *session) bool { return k.s == s }
func (k *killing) tell(t *target)       { k.s.post(func() { k.aimed(t) }) }

// aimsAt reports whether it is meant for a session that some Segue knows.
func (k *killing) aimsAt() bool { return k.victim != nil || k.far != nil }

// target is where a KILL is to be brought.
type target struct {
	victim  *session // nil: far
	far     *Victim
	id      uint32
	backend *backend.Backend
	thread  uint32
	user    string
}

// aimed sends the KILL, now that it is known whom it is meant for; nil: nobody that Segue knows.
func (k *killing) aimed(t *target) {
	s := k.s
	if s.errand != errand(k) || k.aimsAt() {
		switch {
		case t == nil || t.victim == s:
		case t.far != nil:
			s.w.server.settleFar(*t.far, k.Query, RefusedKill)
		default:
			t.victim.post(func() { t.victim.killState().settle(k.Query, RefusedKill) })
		}
		return
	}
	own := s.backend()
	if t == nil {
		k.sendHere(k.packet)
		return
	}
	if k.More && t.backend != own {
		k.victim, k.far = t.victim, t.far
		k.answer(nil, fmt.Errorf("session %d is on %s, and other statements stand behind the KILL; it was not sent, say it in a statement of its own", t.id, t.backend.Name()))
		return
	}
	k.victim, k.far, k.id, k.backend, k.thread, k.same = t.victim, t.far, t.id, t.backend, t.thread, t.user == k.user
	if s == k.victim {
		s.killState().sent(k.Query)
	}
	if k.masked && k.backend == own && !k.same {
		k.answer(nil, fmt.Errorf("session %d is another user's, and the backend takes this session's user for the service account; the KILL was not sent", k.id))
		return
	}
	if k.backend != own {
		var creds []*client.Credential
		for _, c := range s.credentials() {
			if k.same || c.As() == "" { // a service account has rights that the client has not
				creds = append(creds, c)
			}
		}
		switch {
		case len(creds) > 0:
			k.call = &call{s: s, backend: k.backend, by: k, user: s.who.user(), creds: creds, hello: k.hello, until: k.until, alarm: alarmErrand}
			k.call.begin(nil)
			return
		case s.w.server.options().Flavor != backend.TiDB, !k.same:
			k.unsent(errors.New("there is nothing to log in there with: list the account under `users`"))
			return
		}
		// a TiDB server passes on what is meant for another one, without a look at whose it is
	}
	packet := k.packet
	if uint32(k.ID) != k.thread {
		packet = k.With(packet, k.thread)
	}
	k.sendHere(packet)
}

// sendHere sends it on the session's own connection.
func (k *killing) sendHere(packet []byte) {
	s := k.s
	s.due.clear(alarmErrand)
	if !k.aimsAt() {
		s.errand = nil
		s.send(packet)
		s.client.again()
		return
	}
	k.sent = true
	if s.send(packet) == 0 { // the backend has gone: flee has dropped the KILL
		s.client.put(append(bytes.Clone(k.packet), s.client.rest...))
		s.client.again()
	}
}

// answered takes the answer to a KILL that has been sent on the session's own connection, at the head of b. took is false if that passes as it
// is; otherwise n bytes of it have been dealt with, 0: more must be seen.
func (k *killing) answered(b []byte) (n int, took bool) {
	s := k.s
	if isHeadless(b) {
		return 0, true
	}
	length, seq := wire.DecodeHeader(b)
	size := wire.HeaderLen + length
	e := new(wire.Err)
	switch {
	case length == 0:
		k.end(LostKill)
		return 0, false
	case !wire.IsErr(b[wire.HeaderLen:]):
		k.end(DoneKill)
		return 0, false
	case len(b) < size && (length <= maxErr || len(b) < codeAt+2):
		return 0, true
	case length > maxErr: // whatever it is, it passes as it is
		k.end(k.refusal(binary.LittleEndian.Uint16(b[codeAt:])))
		return 0, false
	case e.Decode(b[wire.HeaderLen:size]) != nil:
		k.end(LostKill)
		return 0, false
	}
	k.end(k.refusal(e.Code))
	message := k.Answer(e.Message, k.thread)
	if message == e.Message {
		return 0, false
	}
	s.track.ServerTo(s, b[:size])
	s.stmt.release(s.w)
	s.follow()
	e.Message = message
	packet, _ := wire.AppendPacket(nil, seq, e.Append(nil))
	s.client.deliver(packet, false)
	return size, true
}

// maxErr bounds the ERR_Packets that are read whole: what is longer passes as it is.
const maxErr = 4 << 10

// refusal is what has come of a KILL that has been answered by an ERR_Packet.
func (k *killing) refusal(code uint16) Outcome {
	if k.victim == k.s && (code == codeInterrupted || code == codeConnectionKilled) {
		return DoneKill // who kills himself is answered as one that has been killed
	}
	return RefusedKill
}

// end is the end of a KILL that has been sent on the session's own connection. What has come behind it is looked at when its answer has passed.
func (k *killing) end(o Outcome) {
	k.settle(o)
	k.s.errand = nil
	k.s.after(alarmBoundary, 0)
}

// settle tells the victim what has come of it.
func (k *killing) settle(o Outcome) {
	v := k.victim
	if far := k.far; far != nil {
		k.far = nil
		k.s.w.server.settleFar(*far, k.Query, o)
	}
	if v == nil {
		return
	}
	k.victim = nil
	if v == k.s {
		v.killState().settle(k.Query, o)
	} else {
		v.post(func() { v.killState().settle(k.Query, o) })
	}
}

// ring gives up a KILL that has taken too long.
func (k *killing) ring() {
	if k.call != nil {
		k.call.ring()
		return
	}
	k.answer(nil, errors.New("the session that it is meant for is between two backends; the KILL was not sent"))
}

// abort implements errand: the session has ended, or has lost its backend.
func (k *killing) abort() {
	k.s.due.clear(alarmErrand)
	o := RefusedKill
	k.begun = k.call != nil && k.call.asks != nil
	if k.sent || k.begun {
		o = LostKill
	}
	k.settle(o)
	if k.call != nil {
		k.call.close()
		k.call = nil
	}
}

// outlive keeps a KILL, which has been aborted because the session has lost its backend, from going unanswered. One that nobody has been sent
// waits for the next backend; what has been sent on the session's own connection is a statement like others.
func (k *killing) outlive() {
	s := k.s
	switch {
	case k.begun:
		_, seq := wire.DecodeHeader(k.packet)
		s.client.reply(seq, errPacket(codeUnknown, "the KILL was sent to "+k.backend.Name()+", but its outcome is unknown: the session has lost its own backend meanwhile"))
	case !k.sent:
		s.client.put(append(bytes.Clone(k.packet), s.client.rest...))
	}
}

// hello is what to say beside a credential, to send it on a connection of its own.
func (k *killing) hello(*client.Credential) *wire.HandshakeResponse41 {
	k.backend.Try()
	hello := k.s.who.hello.Response()
	hello.Capabilities &^= wire.ClientQueryAttributes | wire.ClientSessionTrack
	return hello
}

// loggedIn implements caller: it gives the connection the rights that the client's session has, and sends the KILL.
func (k *killing) loggedIn(c *call) {
	if text := c.cred.Becomes(); text != "" {
		k.rights = append([]string{text}, k.rights...)
	}
	var todo []client.Command
	for _, text := range k.rights {
		todo = append(todo, client.Query(text))
	}
	packet := k.Plain(k.packet)
	if uint32(k.ID) != k.thread {
		packet = k.Plain(k.With(k.packet, k.thread))
	}
	todo = append(todo, client.Command{Command: wire.Command(packet[wire.HeaderLen]), Text: string(packet[wire.HeaderLen+1:])})
	c.run(&question{doing: "rebuild session", talk: talk{turns: []turn{say(todo...)}}, done: k.said})
}

// said follows the end of what was said there.
func (k *killing) said(err error) {
	c := k.call
	k.call = nil
	var refusal *client.Refusal
	switch {
	case err == nil:
		c.quit()
		k.answer(nil, nil)
	case errors.As(err, &refusal) && refusal.Index == len(k.rights):
		c.quit()
		k.answer(refusal.Said, nil)
	case !errors.As(err, &refusal):
		c.close()
		k.unanswered(err)
	default:
		c.close()
		k.failed(c, err)
	}
}

// failed implements caller: nothing was sent.
func (k *killing) failed(_ *call, err error) {
	k.call = nil
	failed := new(client.Error)
	if _, is := refusal(err); is == wire.RefusalOther && !errors.As(err, new(cutShort)) && (!errors.As(err, &failed) || !failed.Blameless()) { // otherwise it lives
		k.s.w.server.evidence(k.backend, err)
	}
	k.unsent(err)
}

// unsent is the end of a KILL that could not be sent.
func (k *killing) unsent(err error) {
	k.answer(nil, fmt.Errorf("session %d is on %s, and the KILL could not be sent there: %w", k.id, k.backend.Name(), err))
}

// unanswered is the end of a KILL whose connection broke before it was answered.
func (k *killing) unanswered(err error) {
	name := k.backend.Name()
	k.settle(LostKill)
	k.answer(nil, fmt.Errorf("the KILL was sent to %s, but its outcome is unknown: %w", name, err))
}

// answer gives the client the answer to a KILL that has not been sent on the session's own connection.
func (k *killing) answer(said *wire.Err, err error) {
	s := k.s
	o := DoneKill
	if said != nil || err != nil {
		o = RefusedKill
	}
	k.settle(o)
	s.due.clear(alarmErrand)
	s.errand = nil
	if s.end != Open {
		return
	}
	var payload []byte
	switch {
	case err != nil:
		payload = (&wire.Err{Code: codeUnknown, State: "HY000", Message: "segue: " + clipped(err.Error())}).Append(nil)
	case said != nil:
		e := *said
		e.Message = k.Answer(e.Message, k.thread)
		payload = e.Append(nil)
	default:
		payload = (&wire.OK{Status: s.track.Status()}).Append(nil, s.who.hello.Response().Capabilities)
	}
	s.track.Miss(true) // another connection has the warnings of this statement
	_, seq := wire.DecodeHeader(k.packet)
	packet, _ := wire.AppendPacket(nil, seq+1, payload)
	s.client.deliver(packet, false)
	s.stand()
	s.client.again()
}

// find looks for the sessions that a KILL may be meant for, on all workers, one after the other. No session is transferred meanwhile.
func (s *Server) find(k *killing) {
	short := uint32(k.ID) // TiDB's may have 64 bits, of which its greeting carries the lower ones
	if k.ID == 0 || short == 0 || k.ID > math.MaxUint32 && s.options().Flavor != backend.TiDB {
		k.found(nil, nil)
		return
	}
	f := &finding{killing: k, short: short, own: k.s.backend()}
	s.transfers.suspend(func() { f.next(s, s.running()) })
}

// finding is the search for the sessions that a KILL may be meant for.
type finding struct {
	*killing
	short   uint32
	own     *backend.Backend // the killer's
	visible *candidate
	others  []candidate
}

// next goes on with the first of the workers that are left.
func (f *finding) next(s *Server, left []*worker) {
	for ; len(left) > 0; left = left[1:] {
		w := left[0]
		if w.post(func() {
			defer f.next(s, left[1:])
			f.lookAt(w)
		}) {
			return
		}
	}
	s.transfers.resume()
	if e := s.Elsewhere; e != nil && e.Others() > 0 {
		s.errands.Go(func() { s.askElsewhere(f) })
		return
	}
	f.s.post(func() { f.found(f.visible, f.others) })
}

// lookAt adds those of one worker.
func (f *finding) lookAt(w *worker) {
	if c := w.session(f.short); c != nil && f.ID == uint64(f.short) && c.killable() {
		f.visible = &candidate{session: c, here: c.backend() == f.own, same: c.track.User() == f.user}
	}
	for _, c := range w.all {
		if found, current := c.past.threads.has(f.short); found && c.killable() {
			f.others = append(f.others, candidate{session: c, current: current, here: c.backend() == f.own, same: c.track.User() == f.user})
		}
	}
}

// killable reports whether the session is in its command phase.
func (s *session) killable() bool { return s.end == Open && s.commanding() && s.state != Closed }

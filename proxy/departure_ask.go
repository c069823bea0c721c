package proxy

import (
	"errors"
	"fmt"

	"segue/backend"
	"segue/proxy/ledger"
	"segue/proxy/track"
)

// askOld asks the old backend, which still serves, for what only it knows of the session.
func (d *departure) askOld() {
	s := d.s
	keeps, turns := d.questions()
	if !mute(s.backend()) || s.needsOld() {
		d.like = s.likeness(false)
		turns = d.like.before(turns)
	}
	if len(turns) == 0 {
		d.pack(keeps)
		return
	}
	d.step = asking
	s.track.Asked()
	s.by(alarmErrand, d.deadline)
	d.asks = &question{doing: "ask", talk: talk{turns: turns}, done: func(err error) { d.answered(keeps, err) }}
	d.asks.begin(s.back, s.terms())
}

// questions are those for what only the old backend, which still serves, knows: TiDB knows all of it, others the values that the text of statements
// does not tell. There are none if it would not answer, and what Segue has seen of the session does.
func (d *departure) questions() (*keeps, []turn) {
	s, k := d.s, &keeps{}
	flavor, ext := s.w.server.options().Flavor, s.who.hello.Response().ExtCapabilities()
	switch {
	case mute(s.backend()) && !s.needsOld():
		return k, nil
	case flavor == backend.TiDB:
		return k, k.askTiDB(ext, !s.hasCredential())
	}
	var turns []turn
	if s.track.MapsCollations() {
		turns = k.askCollations(&inquest{flavor: flavor, ext: ext})
	}
	if unforeseen := s.askUnforeseen(); len(unforeseen) > 0 || len(s.track.Unresolved()) > 0 {
		turns = append(turns, unforeseen...)
		turns = append(turns, askValues(flavor, ext, s.track.Unresolved, s.track.Resolved)...)
	}
	return k, turns
}

// answered takes what the old backend has said.
func (d *departure) answered(k *keeps, err error) {
	d.asks = nil
	switch spoiled := new(spoiledError); {
	case errors.As(err, &spoiled): // an answer to Segue that comes late must not reach the client
		d.becomeLost(plain(spoiled.error))
		d.packLost()
	case err != nil:
		d.stays(fmt.Errorf("ask %s for the session's state: %w", d.s.backendName(), err))
	default:
		d.pack(k)
	}
}

// hurry makes an old backend that has turned out to be down be asked no longer, if the session can do without its answer.
func (d *departure) hurry() {
	if d.step == asking && !d.s.needsOld() && mute(d.s.backend()) {
		d.asks.expired()
	}
}

// becomeLost notes that the old backend has gone while the session was about to leave it.
func (d *departure) becomeLost(err error) {
	s := d.s
	if d.lost {
		return
	}
	s.w.server.evidence(s.backend(), err)
	if d.swaps { // what is left is no short step any more
		d.swaps = false
		s.w.server.swaps.Leave()
	}
	d.lost, d.loss, d.told, d.at, d.to = true, err, false, max(s.w.now(), 1), nil
	s.back.close()
}

// backendLost follows the end of the old backend's connection.
func (d *departure) backendLost(err error) {
	if d.step == asking {
		d.asks.broke(nil, err)
		return
	}
	waits := d.step == atGate
	d.becomeLost(plain(err))
	if waits {
		d.leaveGate()
		d.packLost()
	}
}

// pack gathers what the session takes along, and goes.
func (d *departure) pack(k *keeps) {
	if err := d.gather(k); err != nil {
		d.stays(err)
		return
	}
	d.visit()
}

// packLost does so for a session whose backend has gone.
func (d *departure) packLost() {
	d.deadline = 0
	d.s.due.clear(alarmErrand)
	d.giveUpValues()
	if err := d.gather(&keeps{}); err != nil {
		d.strand(err)
		return
	}
	d.again()
}

// giveUpValues has the client told of what only the backend knew, if it has not been asked for.
func (d *departure) giveUpValues() {
	s := d.s
	if s.judgeElsewhere(); s.track.Pinned() != track.PinUnseen && !s.track.Asking() && !s.track.Unjudged() {
		return
	}
	dropped, _ := s.track.Dropped()
	if dropped == "" {
		return
	}
	d.bereft(s.backend(), dropped)
}

// bereft has the client told of what was lost with its backend. A statement that is to be run again is not, without that.
func (d *departure) bereft(from *backend.Backend, of string) {
	s := d.s
	reply := clientError("backend " + from.Name() + " " + lostBy(d.loss) + ": the session has gone on elsewhere, without its " + of)
	d.told = true
	if s.owed.is(nextCommand) {
		reply = s.owed.reply
		reply.Message = reply.Message[:min(len(reply.Message), maxErrorText-len(of))] + " and " + of
	}
	if !s.stmt.again() {
		s.owed = &owed{due: nextCommand, reply: reply, more: true, backend: from.Name(), cause: d.loss}
		return
	}
	seq := s.stmt.answerSeq() - 1
	s.stmt.forget(s.w)
	s.seen(ledger.LostStatement, d.loss)
	s.client.reply(seq, reply)
}

// gather puts together what the session takes along.
func (d *departure) gather(k *keeps) error {
	s := d.s
	if pin := s.track.Pinned(); pin != "" {
		return fmt.Errorf("what pins it (%s) cannot be rebuilt", pin)
	}
	if s.unjudged() {
		return errUnjudged
	}
	if open := s.track.Unresolved(); len(open) > 0 && k.states == "" && !s.track.Forgo() {
		return fmt.Errorf("only the backend that has gone knows the value of %s", open[0])
	}
	if len(s.credentials()) == 0 && k.token == nil {
		return &endError{Refused, errors.New("no credential")}
	}
	k.Replay = s.track.Replay()
	if d.lost {
		d.like = s.likeness(true)
	}
	d.bag = &luggage{keeps: *k, like: d.like, lost: d.lost, ext: s.who.hello.Response().ExtCapabilities()}
	return nil
}

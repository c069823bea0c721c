package proxy

import (
	"errors"

	"segue/backend/wire"
	"segue/proxy/ledger"
)

// due says when the client is to be told what it is owed.
type due uint8

const (
	nextCommand due = iota // in place of the answer to its next command that counts on what was lost
	commandEnd             // as soon as the command that is arriving has come whole; it is dropped
)

// owed is what a client is still to be told: of a backend that has gone with something that it counts on, or of a command that is not
// sent.
type owed struct {
	due     due
	reply   *wire.Err
	more    bool   // more than a transaction was lost, and a ROLLBACK does not give it up
	backend string // that has gone
	cause   error

	command wire.Command // the one that is arriving, with commandEnd
	frames  wire.Framer
	seq     uint8
	then    *owed // what remains when that has been told
}

// is reports whether the client is owed something, which is due then; o may be nil.
func (o *owed) is(d due) bool { return o != nil && o.due == d }

// counts reports whether the client counts on more than a transaction that was lost; o may be nil.
func (o *owed) counts() bool { return o != nil && o.more }

// take takes bytes of the command that is refused. It returns how many these are, and whether it has come whole.
func (o *owed) take(b []byte) (n int, whole bool) {
	for n < len(b) && !whole {
		if o.frames.InPayload() {
			n += o.frames.Skip(b[n:])
		} else {
			var p wire.Packet
			k, ok := o.frames.Next(b[n:], &p)
			if n += k; ok {
				o.seq = p.Seq
			}
		}
		whole = o.frames.AtStart()
	}
	return n, whole
}

// rest is what remains when a command has been refused. One that is never answered costs the next its answer if that counts on it: of COM_STMT_CLOSE
// nothing is missed.
func (o *owed) rest(backend string) *owed {
	switch {
	case o.then != nil:
		return o.then
	case o.command == wire.ComStmtSendLongData:
		return &owed{due: nextCommand, reply: o.reply, backend: backend, cause: errors.New(o.reply.Message)}
	}
	return nil
}

// settle enters what has come of what the client is owed with its next command: it has been told, or does without and never hears of it.
func (s *session) settle(action ledger.Action) {
	o, kind := s.owed, ledger.SetupClosed
	if !o.is(nextCommand) {
		return
	}
	if action == ledger.Seen {
		kind = ledger.LostTransaction
	}
	s.owed = nil
	s.hidden(kind, action, o.backend, o.cause)
}

// refuse drops the command, which may have waited, and tells the client why as soon as it has come whole. It returns how many bytes it has taken.
func (c command) refuse(reply *wire.Err) int {
	s := c.s
	s.endWait(reply)
	if s.errand == nil && s.back != nil && !s.back.closed {
		if reset := s.track.Unsend(c.b); reset != nil {
			s.back.write(reset) // what fails shows when the answer is read
		}
	}
	o := &owed{due: commandEnd, command: commandOf(c.b), reply: reply}
	if before := s.owed; before.is(nextCommand) { // a ROLLBACK that is refused has given up nothing
		o.then = before
	}
	s.owed = o
	return s.refuseMore(c.b)
}

// refuseMore takes bytes of the command that is refused, and returns how many these are.
func (s *session) refuseMore(b []byte) int {
	n, whole := s.owed.take(b)
	if whole {
		o := s.owed
		if s.owed = o.rest(s.backendName()); !o.command.Silent() {
			s.client.reply(o.seq, o.reply)
		}
	}
	return n
}

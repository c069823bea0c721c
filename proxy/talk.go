package proxy

import (
	"segue/backend/client"
	"segue/backend/wire"
)

// turn gives what Segue says next on a connection, from what it has heard before; nothing if there is nothing to say. status are the
// server's last flags.
type turn func(status wire.Status) ([]client.Command, error)

// talk is a number of scripts, one after the other.
type talk struct {
	terms  client.Terms
	turns  []turn
	script *client.Script // the one that runs; nil before the first
	count  int            // of scripts so far
	err    error
}

// next begins the next script that has something to say, and returns what is to be sent.
func (t *talk) next() (out []byte) {
	for t.err == nil && (t.script == nil || t.script.Done()) && len(t.turns) > 0 {
		now := t.turns[0]
		t.turns = t.turns[1:]
		var commands []client.Command
		if commands, t.err = now(t.terms.Status); t.err != nil || len(commands) == 0 {
			continue
		}
		t.count++
		t.script = client.NewScript(t.terms, commands...)
		out = t.script.Send(out)
	}
	return out
}

// feed takes what has come. It returns how much of that it was that belongs to the talk, and what is to be sent.
func (t *talk) feed(b []byte) (n int, out []byte) {
	if t.script == nil || t.over() {
		return 0, nil
	}
	n, t.err = t.script.Feed(b)
	if t.err != nil {
		return n, nil
	}
	t.terms.Status = t.script.Status()
	out = t.script.Send(nil)
	return n, append(out, t.next()...)
}

// spoil makes a failure of a talk behind which the server has gone on to talk.
func (t *talk) spoil() {
	if t.err == nil {
		t.err = &client.Error{Kind: client.Malformed, Err: errOutOfTurn}
	}
}

// over reports whether nothing more is to be said or heard.
func (t *talk) over() bool {
	return t.err != nil || len(t.turns) == 0 && (t.script == nil || t.script.Done())
}

// clean reports whether every command has been answered, so that the connection can be used for something else.
func (t *talk) clean() bool { return t.script == nil || t.script.Outstanding() == 0 }

// say is a turn that says what does not depend on what was heard.
func say(commands ...client.Command) turn {
	return func(wire.Status) ([]client.Command, error) { return commands, nil }
}

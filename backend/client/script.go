package client

import (
	"errors"
	"fmt"

	"segue/backend/wire"
)

// Terms are what the two sides of a connection have agreed on, and how the server takes commands.
type Terms struct {
	Capabilities    wire.Capability
	ExtCapabilities uint32 // MariaDB's
	// OneByOne says that the server promises no order to commands that come together (StarRocks, Doris): each waits for the one before.
	OneByOne bool
	// Status are the flags of the last OK or EOF packet.
	Status wire.Status
}

// Command is one command of Segue's own.
type Command struct {
	Command wire.Command
	Text    string
	// Take, if set, is given the packets of the answer, but for the EOF_Packets behind definitions and an ERR_Packet, each valid for the call: see
	// [Table] and [Prepared]. An error of its ends the script.
	Take    func(part Part, payload []byte) error
	Lenient bool // an ERR_Packet is no failure
	Eager   bool // it is sent together with the one before it, whatever OneByOne says of others
}

// Query is a COM_QUERY whose answer is of no interest, but that it is none of an error.
func Query(text string) Command { return Command{Command: wire.ComQuery, Text: text} }

// Part tells what a packet of an answer is.
type Part uint8

// The parts of an answer.
const (
	First      Part = iota // the first packet of a result, and it may be all of it: a column count, OK_Packet, COM_STMT_PREPARE_OK
	Definition             // a definition of a column or a parameter
	Row
	Last // what ends a result: OK_Packet, EOF_Packet, the last definition of a prepared statement, or a text
)

// Refusal is a server's ERR_Packet in answer to a command of a script. Its text does not repeat the server's, in which parts of the statement
// may stand.
type Refusal struct {
	Index int // of the command
	Said  *wire.Err
}

// Error implements error.
func (e *Refusal) Error() string {
	return fmt.Sprintf("command %d of Segue's own was refused: ERROR %d (%s)", e.Index+1, e.Said.Code, e.Said.State)
}

// Script runs commands of Segue's own on a connection that nothing else uses, in order, and stops at the first that fails. Send gives what is to be
// sent now, Feed takes what has come, until Done or an error.
type Script struct {
	commands []Command
	oneByOne bool
	attrs    bool // each COM_QUERY begins with attributes: CLIENT_QUERY_ATTRIBUTES

	sent     int // commands that have been
	answered int // … and whose answer has ended
	window   int // bytes of those that have been sent and not answered
	err      error

	x      wire.Exchange
	framer wire.Framer
	step   wire.Step // what the packet at hand, of which more is to come, means
	part   Part
	keeps  bool // … and whether it is being gathered
	packet []byte
}

const (
	// maxWindow is how much is sent ahead of its answers. It fits the buffers of a connection, so that a server that reads nothing more before it
	// can write is not waited for by one who reads nothing before he has written.
	maxWindow = 32 << 10
	// MaxAnswer bounds what is kept of an answer.
	MaxAnswer = 4 << 20
	// maxErr is how much of an ERR_Packet is read.
	maxErr = 4 << 10
)

// NewScript makes a script for a connection on these terms.
func NewScript(t Terms, commands ...Command) *Script {
	s := &Script{commands: commands, oneByOne: t.OneByOne, attrs: t.Capabilities.Has(wire.ClientQueryAttributes)}
	s.x.Negotiate(t.Capabilities, t.ExtCapabilities)
	s.x.Status = t.Status
	return s
}

// Done reports whether all commands have been answered.
func (s *Script) Done() bool { return s.err == nil && s.answered == len(s.commands) }

// Err is what has ended the script before its end.
func (s *Script) Err() error { return s.err }

// Outstanding is how many commands have been sent whose answers have not come whole. After an error it tells whether the connection can be used
// again: if it is 0.
func (s *Script) Outstanding() int { return s.sent - s.answered }

// Status are the flags of the last OK or EOF packet.
func (s *Script) Status() wire.Status { return s.x.Status }

// Send appends what is to be sent now: as many commands as may be ahead of their answers, none for the most part.
func (s *Script) Send(dst []byte) []byte {
	for s.err == nil && s.sent < len(s.commands) {
		c := &s.commands[s.sent]
		size := wire.HeaderLen + 3 + len(c.Text)
		if ahead := s.Outstanding(); ahead > 0 && (s.oneByOne && !c.Eager || s.window+size > maxWindow) {
			break
		}
		if !c.Command.Followable() || c.Command == wire.ComQuit {
			s.err = &Error{Malformed, fmt.Errorf("command %d of Segue's own: the answer to %s cannot be followed", s.sent+1, c.Command)}
			break
		}
		dst = s.append(dst, c)
		s.sent++
		s.window += size
		if s.Outstanding() == 1 {
			s.begin()
		}
	}
	return dst
}

func (s *Script) append(dst []byte, c *Command) []byte {
	head := []byte{byte(c.Command), 0, 1} // no attributes, in one set
	if !s.attrs || c.Command != wire.ComQuery {
		head = head[:1]
	}
	if len(head)+len(c.Text) >= wire.MaxPayload { // two packets or more
		dst, _ = wire.AppendPacket(dst, 0, append(head, c.Text...))
		return dst
	}
	at := len(dst)
	dst = append(append(append(dst, 0, 0, 0, 0), head...), c.Text...)
	return seal(dst, at, 0)
}

// begin follows the answer to the first command that has been sent and not answered, beyond those that have no answer.
func (s *Script) begin() {
	for s.answered < s.sent {
		c := &s.commands[s.answered]
		if !c.Command.Silent() {
			s.x.Begin(c.Command, false)
			return
		}
		s.end()
	}
}

// end is the end of an answer.
func (s *Script) end() {
	s.window -= wire.HeaderLen + 3 + len(s.commands[s.answered].Text)
	s.answered++
}

// Feed takes bytes that the server has sent, as they come, and returns how many of them belong to the script's answers: all, but for those behind
// its end. The error is a [*Refusal] or an [*Error]; after it nothing more is taken.
func (s *Script) Feed(chunk []byte) (n int, err error) {
	for n < len(chunk) && s.err == nil && s.Outstanding() > 0 {
		if s.framer.InPayload() {
			k := s.framer.Skip(chunk[n:])
			s.gather(chunk[n : n+k])
			if n += k; !s.framer.InPayload() {
				s.finish(s.packet)
			}
			continue
		}
		var p wire.Packet
		k, ok := s.framer.Next(chunk[n:], &p)
		if n += k; !ok {
			break
		}
		s.look(&p)
		switch {
		case s.err != nil:
		case s.framer.InPayload():
			s.packet = s.packet[:0]
			s.gather(p.Body)
		default:
			s.finish(p.Body)
		}
	}
	return n, s.err
}

// look finds out from the beginning of a packet what it is, and whether it is worth keeping.
func (s *Script) look(p *wire.Packet) {
	if p.Continues { // of a packet that is worth nothing: one that is would have been too long
		s.step, s.keeps = wire.More, false
		return
	}
	first, rows := s.x.AtOK() || s.x.AtPrepareOK(), s.x.InRows()
	s.step = s.x.Server(*p)
	switch {
	case first:
		s.part = First
	case s.step == wire.Done, rows && !s.x.InRows():
		s.part = Last
	case rows:
		s.part = Row
	default:
		s.part = Definition
	}
	c := &s.commands[s.answered]
	switch {
	case wire.IsErr(p.Body):
		s.keeps = s.step == wire.Failed && !c.Lenient // otherwise it is MariaDB's report of its progress
		return
	case s.part == Definition && wire.IsEOF(p.Body):
		s.keeps = false
	default:
		s.keeps = c.Take != nil
	}
	if s.keeps && p.Len > MaxAnswer || s.step != wire.More && p.Len == wire.MaxPayload {
		s.fail(fmt.Errorf("a packet of %d bytes", p.Len))
	}
}

// gather keeps part of a packet that has not come at once.
func (s *Script) gather(part []byte) {
	if !s.keeps {
		return
	}
	if s.step == wire.Failed {
		part = part[:min(len(part), maxErr-len(s.packet))]
	}
	s.packet = append(s.packet, part...)
}

// finish acts on a packet that has come whole.
func (s *Script) finish(payload []byte) {
	switch s.step {
	case wire.Failed:
		s.refused(payload)
		return
	case wire.More, wire.Done:
	default:
		s.fail(errors.New("an answer of a shape that the command cannot have"))
		return
	}
	if s.keeps {
		if err := s.commands[s.answered].Take(s.part, payload); err != nil {
			s.fail(err)
			return
		}
	}
	if s.step == wire.Done {
		s.end()
		s.begin()
	}
}

// refused is the end of an answer by an ERR_Packet.
func (s *Script) refused(payload []byte) {
	index := s.answered
	s.end()
	if !s.commands[index].Lenient {
		said := new(wire.Err)
		if err := said.Decode(payload); err != nil {
			s.fail(err)
			return
		}
		s.err = &Refusal{index, said}
		return
	}
	s.begin()
}

func (s *Script) fail(err error) {
	s.err = &Error{Malformed, fmt.Errorf("command %d of Segue's own: %w", s.answered+1, err)}
}

package proxy

import (
	"errors"
	"strings"
	"time"

	"segue/proxy/wire"
)

// killAnswer gives the client the answer to a KILL that has not been sent on the session's own connection.
func (s *session) killAnswer(k *kill, said []byte, err error) {
	k.settle(outcomeOf(said, err))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open {
		return
	}
	answer := (&wire.OK{Status: s.track.Status()}).Append(nil, s.hello.response().Capabilities)
	e := new(wire.Err)
	switch {
	case err != nil:
		e = &wire.Err{Code: codeUnknown, State: "HY000", Message: "segue: " + clipped(err.Error())}
		answer = e.Append(nil)
	case wire.IsErr(said) && e.Decode(said) == nil:
		e.Message = k.Answer(e.Message, k.thread)
		answer = e.Append(nil)
	}
	s.away.fresh, s.away.warned = true, true // another connection has the warnings of this statement
	_, seq := wire.DecodeHeader(k.packet)
	packet, _ := wire.AppendPacket(nil, seq+1, answer)
	_ = s.client.SetWriteDeadline(time.Now().Add(closeGrace))
	_, _ = s.client.Write(packet)
	_ = s.client.SetWriteDeadline(time.Time{})
}

// outcomeOf tells what has come of a KILL that has been sent on a connection of its own, or not at all.
func outcomeOf(said []byte, err error) outcome {
	switch {
	case errors.As(err, new(*unansweredError)):
		return lostKill
	case err != nil, wire.IsErr(said):
		return refusedKill
	}
	return doneKill
}

func clipped(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxErrorText-len("segue: "))], "")
}

// killAnswered takes the answer to a KILL that has been sent on the session's own connection. It reports false if that passes as it is.
//
//go:noinline
func (s *session) killAnswered(b []byte, v *verdict) bool {
	k := s.kill
	if len(b) <= wire.HeaderLen {
		v.keep = len(b)
		return true
	}
	e := new(wire.Err)
	n, seq := wire.DecodeHeader(b)
	n += wire.HeaderLen
	switch {
	case !wire.IsErr(b[wire.HeaderLen:]):
		k.settle(doneKill)
		s.kill = nil
		return false
	case len(b) < n:
		v.keep = len(b)
		return true
	case e.Decode(b[wire.HeaderLen:n]) != nil:
		s.dropKill()
		return false
	}
	o := refusedKill
	if k.victim == s && (e.Code == codeInterrupted || e.Code == codeConnectionKilled) {
		o = doneKill // who kills himself is answered as one that has been killed
	}
	k.settle(o)
	s.kill = nil
	if message := k.Answer(e.Message, k.thread); message != e.Message {
		s.track.Server(b[:n])
		s.follow()
		e.Message = message
		packet, _ := wire.AppendPacket(nil, seq, e.Append(nil))
		v.to, v.keep, v.insert, v.instead = s.client, len(b)-n, packet, true
		return true
	}
	return false
}

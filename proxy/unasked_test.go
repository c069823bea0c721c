package proxy

import (
	"io"
	"testing"

	"segue/backend/wire"
)

// An empty packet is no command. What follows it is not taken for its contents.
func TestEmptyPacketAheadOfACommand(t *testing.T) {
	t.Parallel()
	for name, behind := range map[string][]byte{"query": []byte("\x03SELECT"), "kill": append([]byte{byte(wire.ComProcessKill)}, make([]byte, 11)...), "quit": {byte(wire.ComQuit)}} {
		t.Run(name, func(t *testing.T) {
			p := start(t, known(), newPeer(t, func(c *peerConn) {
				c.login()
				_, _ = io.Copy(io.Discard, c)
			}).spec("a"))
			d := p.connect()
			s := p.only()
			b := wire.AppendHeader(nil, 0, 0)
			b = append(b, byte(len(behind)), 0, 0, 0)
			_, _ = d.Write(append(b, behind...))
			eventually(t, "the session to be opaque or over", func() bool { st := s.current(); return st == Opaque || st == Closed })
			s.within(func() {
				if s.end == Protocol {
					t.Errorf("ended as %s: %v", s.end, s.cause)
				}
			})
		})
	}
}

// A farewell that comes in two segments is one: its first half changes nothing, and its second never reaches the client alone.
func TestFarewellInTwoHalves(t *testing.T) {
	p := start(t, known(), newPeer(t, echo).spec("a"))
	d := p.connect()
	s := p.only()
	said, _ := wire.AppendPacket(nil, 0, (&wire.Err{Code: 1053, State: "08S01", Message: "Server shutdown in progress"}).Append(nil))
	for cut := range len(said) {
		s.within(func() {
			out := s.client.out
			s.received(s.back, said[:cut], false)
			kept := append([]byte(nil), s.back.conn.Read()...) // what is to be shown again in front of the rest
			s.received(s.back, append(kept, said[cut:]...), false)
			if s.client.out != out || s.state != Idle {
				t.Errorf("cut behind %d bytes: %d bytes reached the client, and the session is %s", cut, s.client.out-out, s.state)
			}
		})
	}
	d.ask("SELECT 1")
}

// What cannot be read, said by a backend that its session is about to leave, has it stay, and gives its place at the gate to others.
func TestUnaskedWordsAheadOfAMove(t *testing.T) {
	t.Parallel()
	p := start(t, known(), newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	p.connect()
	s := p.only()
	packet, _ := wire.AppendPacket(nil, 1, peerOK)
	s.within(func() {
		for s.notice.tried().restive = true; !s.leave(); {
		}
		if s.state != Moving {
			t.Fatalf("the session does not depart: %s", s.state)
		}
		before := s.client.out
		s.received(s.back, packet, false)
		if inside, _ := p.gate.Counts(); s.state != Opaque || inside != 0 || s.client.out-before != int64(len(packet)) {
			t.Errorf("%s, %d inside the gate, %d bytes for the client", s.state, inside, s.client.out-before)
		}
	})
}

// The beginning of an ERR_Packet that is longer than any server's, unasked: where it ends is not waited for, and the session goes on elsewhere, whether it was about to leave or not.
func TestUnaskedFlood(t *testing.T) {
	t.Parallel()
	for name, leaves := range map[string]bool{"idle": false, "about to leave": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, known(), newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
			d := p.connect()
			s := p.only()
			var left string
			s.within(func() {
				for s.notice.tried().restive = true; leaves && !s.leave(); {
				}
				left = s.backendName()
				s.received(s.back, append(wire.AppendHeader(nil, 1<<20, 0), "\xff\x87\x07#70100Connection was killed"...), false)
			})
			d.ask("SELECT 1")
			s.within(func() {
				if s.backendName() == left {
					t.Errorf("it is still on %s", left)
				}
			})
		})
	}
}

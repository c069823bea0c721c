package proxy

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"segue/backend"
	"segue/backend/wire"
)

// teller is a backend that has no programs, and tells so unless it is held.
type teller struct {
	asked   chan struct{} // it has been asked
	holds   atomic.Bool
	release chan struct{}
}

func newTeller() *teller {
	return &teller{asked: make(chan struct{}, 64), release: make(chan struct{})}
}

// serve is a script of a peer.
func (b *teller) serve(c *peerConn) {
	answering(func(c *peerConn, command []byte) bool {
		if !bytes.Contains(command, []byte("MAX_EXECUTION_TIME(400)")) {
			return c.echoed(command[1:])
		}
		if bytes.Contains(command, []byte("information_schema.USER_PRIVILEGES")) {
			b.asked <- struct{}{}
		}
		if b.holds.Load() {
			select {
			case <-b.release:
			case <-c.over:
				return false
			}
		}
		columns := strings.Count(string(command), " AS BINARY)")
		answer := append([][]byte{{byte(columns)}}, slices.Repeat([][]byte{peerDef}, columns)...)
		return c.send(1, append(answer, peerEOF, peerEOF)...)
	})(c)
}

// The first session of an account reads before it runs anything. Where something has been defined since, one that is to leave reads first, and its client's statements wait
// for that: it is no part of the move, which has little time. Nor are the programs of the backend that it comes to.
func TestSessionsReadBeforeTheyLeave(t *testing.T) {
	t.Parallel()
	a, b := newTeller(), newTeller()
	b.holds.Store(true)
	p := start(t, thatReads(), newPeer(t, a.serve).spec("a"), newPeer(t, b.serve).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	<-a.asked
	d.ask("SELECT 1")
	s := p.only()
	s.within(func() {
		if s.track.Catalog().Programs() == nil || s.track.Unjudged() {
			t.Error("the first session has not read")
		}
	})
	a.holds.Store(true)
	d.ask("DROP VIEW v")
	d.ask("SELECT a FROM t")
	s.within(func() {
		if !s.track.Unjudged() {
			t.Error("what runs after a definition is judged by what was there before")
		}
	})
	p.ready("b")
	p.leave("a")
	<-a.asked
	d.query("SELECT 2")
	s.within(func() {
		if _, is := s.errand.(*inquiry); !is || s.backendName() != "a" || s.track.Outstanding() != 0 {
			t.Errorf("it is about %T on %s, with %d statements there", s.errand, s.backendName(), s.track.Outstanding())
		}
	})
	close(a.release)
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session to be on b", func() bool { return p.list()[0].onBackend() == "b" })
	close(b.release)
	d.ask("SELECT 3")
}

// A reading that comes to nothing pins nobody: what ran is judged by the next one.
func TestReadingsThatFailAreForgotten(t *testing.T) {
	t.Parallel()
	a := newTeller()
	p := start(t, thatReads(), newPeer(t, answering(func(c *peerConn, command []byte) bool {
		if bytes.Contains(command, []byte("information_schema.VIEWS")) && len(a.asked) == 1 {
			said := &wire.Err{Code: 3024, State: "HY000", Message: "maximum statement execution time exceeded"}
			return c.send(1, []byte{3}, peerDef, peerDef, peerDef, peerEOF, []byte("\x01d\x01v\x08select 1"), said.Append(nil))
		}
		if bytes.Contains(command, []byte("MAX_EXECUTION_TIME(400)")) {
			if bytes.Contains(command, []byte("information_schema.ROUTINES")) {
				a.asked <- struct{}{}
			}
			columns := strings.Count(string(command), " AS BINARY)")
			answer := append([][]byte{{byte(columns)}}, slices.Repeat([][]byte{peerDef}, columns)...)
			return c.send(1, append(answer, peerEOF, peerEOF)...)
		}
		return c.echoed(command[1:])
	})).spec("a"))
	d := p.connect()
	d.ask("SELECT a FROM t")
	s := p.only()
	s.within(func() {
		c := s.track.Catalog()
		if !s.track.Unjudged() || s.track.Pinned() != "" || c.Programs() != nil || c.Reads.Failures.Load() != 1 {
			t.Errorf("after a reading that was cut off: unjudged %v, pinned by %q", s.track.Unjudged(), s.track.Pinned())
		}
		c.Reads.Due.Store(s.w.now()) // the time of rest is over
	})
	eventually(t, "it to be read again", func() (done bool) {
		s.within(func() { done = !s.track.Unjudged() })
		return done
	})
	s.within(func() {
		if s.track.Pinned() != "" {
			t.Errorf("pinned by %q", s.track.Pinned())
		}
	})
}

// thatReads is known where programs are read.
func thatReads() Options {
	o := known()
	o.StoredPrograms = ProgramsRead
	return o
}

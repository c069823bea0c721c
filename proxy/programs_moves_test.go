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
			if bytes.HasPrefix(command[1:], []byte("INSERT")) {
				return c.send(1, []byte{0, 1, 0, 2, 0, 0, 0}) // a row, in autocommit
			}
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

// A session that writes, each time in autocommit, leaves as well: what it has just left behind goes with a move in any case.
func TestWritersReadBeforeTheyLeave(t *testing.T) {
	t.Parallel()
	a, b := newTeller(), newTeller()
	p := start(t, thatReads(), newPeer(t, a.serve).spec("a"), newPeer(t, b.serve).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	<-a.asked
	writes := func() {
		t.Helper()
		d.query("INSERT INTO t VALUES (1)")
		if _, err := d.row(); err != nil {
			t.Fatal(err)
		}
	}
	d.ask("DROP VIEW v")
	writes()
	s := p.only()
	s.within(func() {
		if !s.track.Recent() || !s.track.Unjudged() {
			t.Fatalf("recent %v, unjudged %v", s.track.Recent(), s.track.Unjudged())
		}
		s.track.Catalog().Reads.Due.Store(1) // it is time
	})
	p.ready("b")
	p.leave("a")
	eventually(t, "the session to be on b", func() bool {
		writes()
		return p.list()[0].onBackend() == "b"
	})
}

// By default nobody asks a server for its programs, and nothing is judged.
func TestProgramsAreIgnored(t *testing.T) {
	t.Parallel()
	a := newTeller()
	p := start(t, known(), newPeer(t, a.serve).spec("a"))
	d := p.connect()
	d.ask("SELECT f() FROM t")
	s := p.only()
	s.within(func() {
		if s.track.Catalog() != nil || s.track.Unjudged() || s.track.Asking() || s.isCurious() || s.mayRead(s.w.now()) || s.curious {
			t.Error("it is to be asked")
		}
	})
	if len(a.asked) > 0 || len(p.programs.catalogs) > 0 {
		t.Error("it has been asked")
	}
}

// A reading gives its place up once, when its answers have come.
func TestReadingIsOver(t *testing.T) {
	server := &Server{}
	server.programs.reading.Store(1)
	i := &inquiry{s: &session{w: &worker{server: server}}, reads: server.programs.of(nil, "u")}
	i.hasRead()
	if i.hasRead(); server.programs.reading.Load() != 0 || i.reads != nil {
		t.Errorf("%d are read", server.programs.reading.Load())
	}
}

// What goes wrong with one session keeps no other from being asked.
func TestInquiriesGoOn(t *testing.T) {
	w := &worker{server: &Server{}}
	w.server.workers.Store(&[]*worker{w})
	broken, other := &session{}, &session{}
	w.curious = []*session{broken, other}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("nothing has gone wrong")
			}
		}()
		w.inquire()
	}()
	if !slices.Equal(w.curious, []*session{other}) {
		t.Errorf("%d are left", len(w.curious))
	}
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

package proxy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/fesim"
	"segue/backend/wire"
)

// killable is a client whose session is known.
type killable struct {
	*sqlClient
	s     *session
	f     *fes
	after chan error // what has come of running
	runs  int        // how often it has run one
}

// place opens a client's session on the FE of that name: the policy gives one to each in turn.
func (f *fes) place(user, fe string) *killable {
	f.t.Helper()
	for range 100 {
		c := f.clientAs(user, "")
		if c.on() != fe {
			defer c.Close()
			continue
		}
		k := &killable{sqlClient: c, f: f, after: make(chan error, 1)}
		id := c.ask("SELECT CONNECTION_ID()")
		for _, s := range f.list() {
			if fmt.Sprint(s.thread()) == id {
				k.s = s
			}
		}
		return k
	}
	f.t.Fatalf("no session comes to %s", fe)
	return nil
}

// connectOn does so for a driver.
func (p *proxied) connectOn(name string) (*driver, *session) {
	p.t.Helper()
	for range 100 {
		d := p.connect()
		s := p.session(d.hello.ConnectionID)
		eventually(p.t, "the command phase", func() bool { return s.current() >= Idle })
		if s.onBackend() == name {
			return d, s
		}
		defer d.Close()
	}
	p.t.Fatalf("no session comes to %s", name)
	return nil, nil
}

// allReady has the FEs take sessions again.
func (f *fes) allReady() {
	for _, b := range f.registry.Backends() {
		_ = f.registry.SetAdmin(b.Name(), backend.Ready)
	}
	eventually(f.t, "no drain", func() bool { return !f.draining() })
}

// running has the client run a statement that takes too long.
func (k *killable) running() {
	k.t.Helper()
	k.runs++
	text := fmt.Sprintf("SELECT SLEEP(60), %d", k.runs) // an FE may still show the one before that it has just answered
	go func() {
		_, err := k.row(text)
		k.after <- err
	}()
	eventually(k.t, "the statement to be sent", func() bool { return k.s.current() == Busy })
	k.f.waitRunning(k, text)
}

// waitRunning waits until the FE itself shows the statement.
func (f *fes) waitRunning(k *killable, statement string) {
	f.t.Helper()
	root := f.direct(k.backend())
	eventually(f.t, "the FE to run the statement", func() bool {
		rows, err := root.QueryContext(context.Background(), "SHOW PROCESSLIST")
		if err != nil {
			f.t.Fatal(err)
		}
		defer rows.Close()
		columns, _ := rows.Columns()
		found := false
		for rows.Next() {
			var text strings.Builder
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			_ = rows.Scan(values...)
			for _, v := range values {
				fmt.Fprintf(&text, "%s ", *v.(*any))
			}
			found = found || strings.Contains(text.String(), statement)
		}
		return found
	})
}

// direct is root's connection to an FE beside Segue.
func (f *fes) direct(fe string) *sqlClient {
	f.t.Helper()
	return (&fes{&proxied{t: f.t, addr: f.fe(fe).MySQLAddress()}, f.cluster}).clientAs("root:", "")
}

func (k *killable) backend() string { return k.s.onBackend() }

func (k *killable) thread() uint32 { return k.s.thread() }

func (k *killable) ended() End {
	k.t.Helper()
	eventually(k.t, "the session to end", func() bool { return k.s.current() == Closed })
	return k.s.howEnded()
}

// said is the ERR_Packet that err is.
func said(t *testing.T, err error) *mysql.MySQLError {
	t.Helper()
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		t.Fatalf("%v is no ERR_Packet", err)
	}
	return e
}

func TestKillReachesItsVictim(t *testing.T) {
	t.Parallel()
	ids := map[string]func(k *killable) uint32{
		"greeting":        func(k *killable) uint32 { return k.s.id },
		"CONNECTION_ID()": func(k *killable) uint32 { return k.thread() },
	}
	for which, id := range ids {
		for where, fe := range map[string]string{"same FE": "fe-1", "another FE": "fe-2"} {
			t.Run(which+"/"+where, func(t *testing.T) {
				t.Parallel()
				f := movable(t, 3, fesim.Options{}, Options{})
				victim, killer := f.place("app:secret", "fe-1"), f.place("app:secret", fe)
				f.allReady()
				victim.running()
				before := f.statements()
				killer.exec(fmt.Sprintf("KILL QUERY %d", id(victim)))
				if e := said(t, <-victim.after); e.Number != 1064 {
					t.Errorf("the killed statement gives %v", e)
				}
				victim.ask("SELECT 1") // the session lives
				if n := f.statements() - before; n < 2 || n > 3 {
					t.Errorf("%d statements ran, want KILL and SELECT", n)
				}
				victim.running()
				killer.exec(fmt.Sprintf("/* x */ kill %d;", id(victim)))
				if e := said(t, <-victim.after); e.Number != codeInterrupted {
					t.Errorf("the statement of the killed session gives %v", e)
				}
				if end := victim.ended(); end != Killed {
					t.Errorf("the killed session ended as %s", end)
				}
				if got := killer.ask("SELECT @@autocommit"); got == "" {
					t.Error("the killer's session does not work")
				}
				e := said(t, killer.try(fmt.Sprintf("KILL %d", id(victim))))
				if e.Number != 1094 || !strings.HasSuffix(e.Message, fmt.Sprint(": ", id(victim))) {
					t.Errorf("killed once more: %v", e)
				}
			})
		}
	}
}

// statements counts those that all FEs have run, but for those of waitRunning.
func (f *fes) statements() (n int) {
	for _, fe := range f.cluster.FEs() {
		n += fe.Stats().Statements
	}
	return n
}

// An idle session that is killed ends: it does not move.
func TestKilledIdleSessionEnds(t *testing.T) {
	t.Parallel()
	for name, fe := range map[string]string{"same FE": "fe-1", "another FE": "fe-2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := movable(t, 2, fesim.Options{}, Options{})
			victim, killer := f.place("app:secret", "fe-1"), f.place("app:secret", fe)
			f.allReady()
			killer.exec(fmt.Sprint("KILL CONNECTION ", victim.s.id))
			if end := victim.ended(); end != Killed {
				t.Errorf("the killed session ended as %s", end)
			}
			if err := victim.try("SELECT 1"); err == nil {
				t.Error("the client of the killed session works on")
			}
		})
	}
}

// Whatever ids a client has kept from before a move, they find the session.
func TestKillAfterMoves(t *testing.T) {
	t.Parallel()
	f := movable(t, 3, fesim.Options{}, Options{})
	victim := f.place("app:secret", "fe-1")
	killer := f.place("app:secret", "fe-3")
	f.allReady()
	ids := []uint32{victim.s.id, victim.thread()}
	for range 3 {
		from := victim.backend()
		f.drain(from)
		eventually(t, "the victim to move", func() bool { return victim.backend() != from && victim.s.current() == Idle })
		f.allReady()
		ids = append(ids, victim.thread())
		for i, id := range ids {
			victim.running()
			killer.exec(fmt.Sprint("KILL QUERY ", id))
			if e := said(t, <-victim.after); e.Number != 1064 {
				t.Errorf("id %d of %v: the killed statement gives %v", i, ids, e)
			}
		}
	}
	victim.running()
	killer.exec(fmt.Sprint("KILL ", ids[1]))
	if e := said(t, <-victim.after); e.Number != codeInterrupted {
		t.Errorf("the statement of the killed session gives %v", e)
	}
	if end := victim.ended(); end != Killed {
		t.Errorf("the killed session ended as %s", end)
	}
}

// The server says who may kill whom, on whichever connection. A victim that has been spared still moves.
func TestKillWithoutTheRight(t *testing.T) {
	for name, fe := range map[string]string{"same FE": "fe-1", "another FE": "fe-2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := movable(t, 2, fesim.Options{Users: map[string]string{"app": "secret", "bob": "builder", "root": ""}},
				Options{Users: []User{{Name: "app", Password: "secret", HasPassword: true}, {Name: "bob", Password: "builder", HasPassword: true}}})
			victim, killer := f.place("app:secret", "fe-1"), f.place("bob:builder", fe)
			f.allReady()
			for _, text := range []string{"KILL ", "KILL QUERY "} {
				if e := said(t, killer.try(fmt.Sprint(text, victim.s.id))); e.Number != 5203 {
					t.Errorf("%s: %v", text, e)
				}
			}
			victim.exec("SET @a = 'kept'")
			f.fe("fe-1").Kill()
			if got := victim.ask("SELECT @a"); got != "kept" {
				t.Errorf("@a is %q", got)
			}
		})
	}
}

// root may kill sessions of others, by the id that Segue shows and by that of the cluster.
func TestKillByAnOperator(t *testing.T) {
	t.Parallel()
	f := movable(t, 2, fesim.Options{}, Options{})
	killer := f.place("root:", "fe-2")
	for _, id := range []func(k *killable) uint32{func(k *killable) uint32 { return k.s.id }, func(k *killable) uint32 { return k.thread() }} {
		victim := f.place("app:secret", "fe-1")
		killer.exec(fmt.Sprint("KILL ", id(victim)))
		if end := victim.ended(); end != Killed {
			t.Errorf("the killed session ended as %s", end)
		}
	}
}

func TestKillOfOneself(t *testing.T) {
	t.Parallel()
	for _, which := range []string{"greeting", "thread"} {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			f := movable(t, 2, fesim.Options{}, Options{})
			k := f.place("app:secret", "fe-1")
			f.allReady()
			id := k.s.id
			if which == "thread" {
				id = k.thread()
			}
			k.exec(fmt.Sprint("KILL ", id))
			if end := k.ended(); end != Killed {
				t.Errorf("the session ended as %s", end)
			}
		})
	}
}

// What is no session of Segue's is the business of the server that the session is on.
func TestKillOfStrangers(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{})
	killer := f.place("app:secret", "fe-1")
	for _, id := range []string{"1", "2000000999", "77777777777"} {
		e := said(t, killer.try("KILL "+id))
		if id != "77777777777" && (e.Number != 1094 || e.Message != "Unknown thread id: "+id) {
			t.Errorf("KILL %s: %v", id, e)
		}
	}
	direct := f.direct("fe-1")
	own := direct.ask("SELECT CONNECTION_ID()")
	if e := said(t, killer.try("KILL "+own)); e.Number != 5203 {
		t.Errorf("KILL of root's connection beside Segue: %v", e)
	}
	f.place("root:", "fe-1").exec("KILL " + own)
	if err := direct.try("SELECT 1"); err == nil {
		t.Error("the connection beside Segue lives")
	}
}

// COM_PROCESS_KILL of an FE is an error; the FE itself is to say so.
func TestProcessKillIsRouted(t *testing.T) {
	killed := make(chan []byte, 1)
	other := func(c *peerConn) {
		answering(func(c *peerConn, command []byte) bool {
			if wire.Command(command[0]) == wire.ComProcessKill {
				killed <- append([]byte(nil), command...)
				return c.send(1, (&wire.Err{Code: 1095, State: "HY000", Message: "You are not owner of thread 7"}).Append(nil))
			}
			return c.echoed(command[1:])
		})(c)
	}
	p := start(t, known(), newPeer(t, other).spec("a"), newPeer(t, echo).spec("b"))
	_, victim := p.connectOn("a")
	killer, _ := p.connectOn("b")
	thread := victim.thread()
	id := victim.id
	killer.write(0, []byte{byte(wire.ComProcessKill), byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)})
	if got := <-killed; string(got[1:]) != string([]byte{byte(thread), byte(thread >> 8), byte(thread >> 16), byte(thread >> 24)}) {
		t.Errorf("the backend got %x, want id %d", got, thread)
	}
	_, err := killer.row()
	if err == nil || !strings.HasSuffix(err.Error(), fmt.Sprint("You are not owner of thread ", id)) {
		t.Errorf("the client got %v", err)
	}
	killer.ask("SELECT 1")
}

// Segue does not guess at rights: without a way to log in as the killer it says what is missing.
func TestKillWithoutACredential(t *testing.T) {
	f := movable(t, 2, fesim.Options{Users: map[string]string{"bob": "builder", "root": ""}}, Options{Users: []User{{Name: "app"}}})
	victim, killer := f.place("bob:builder", "fe-1"), f.place("bob:builder", "fe-2")
	near := f.place("bob:builder", "fe-1")
	f.allReady()
	victim.running()
	e := said(t, killer.try(fmt.Sprint("KILL QUERY ", victim.s.id)))
	if !strings.Contains(e.Message, "`users`") || !strings.Contains(e.Message, "fe-1") {
		t.Errorf("the client got %v", e)
	}
	near.exec(fmt.Sprint("KILL QUERY ", victim.s.id)) // that one needs none
	if e := said(t, <-victim.after); e.Number != 1064 {
		t.Errorf("the killed statement gives %v", e)
	}
}

// A service account has rights that its users have not.
func TestKillByWayOfAServiceAccount(t *testing.T) {
	t.Parallel()
	f := movable(t, 2, fesim.Options{
		Users: map[string]string{"bob": "builder", "eve": "evil", "svc": "super", "root": ""}, Impersonators: []string{"svc"}, Operators: []string{"svc", "root"},
	}, Options{Flavor: backend.StarRocks, Users: []User{{Name: "svc", Password: "super", HasPassword: true, Service: true}}})
	bob, eve, bob2 := f.place("bob:builder", "fe-1"), f.place("eve:evil", "fe-2"), f.place("bob:builder", "fe-2")
	f.allReady()
	if e := said(t, eve.try(fmt.Sprint("KILL ", bob.s.id))); !strings.Contains(e.Message, "`users`") {
		t.Errorf("eve got %v", e)
	}
	f.drain("fe-2")
	eventually(t, "all to have moved", func() bool { return eve.backend() == "fe-1" && bob2.backend() == "fe-1" })
	f.drain("fe-1")
	f.ready("fe-2")
	eventually(t, "all to have moved", func() bool { return eve.backend() == "fe-2" && bob.backend() == "fe-2" && bob2.backend() == "fe-2" })
	f.allReady()
	if e := said(t, eve.try(fmt.Sprint("KILL ", bob.s.id))); !strings.Contains(e.Message, "service account") {
		t.Errorf("eve got %v", e) // the FE would have let svc do it
	}
	bob2.exec(fmt.Sprint("KILL ", bob.s.id))
	if end := bob.ended(); end != Killed {
		t.Errorf("the killed session ended as %s", end)
	}
}

// A backend that goes down is no KILL, though one was under way: the server had not said OK.
func TestBackendThatDiesUnderAKill(t *testing.T) {
	for _, query := range []bool{false, true} {
		t.Run(fmt.Sprint("query ", query), func(t *testing.T) {
			t.Parallel()
			victims := make(chan *peerConn, 1)
			dies := answering(func(c *peerConn, command []byte) bool {
				if strings.HasPrefix(string(command[1:]), "KILL") {
					_ = (<-victims).Close()
					return false
				}
				if strings.Contains(string(command), "FROM t") {
					victims <- c
					return true
				}
				return c.echoed(command[1:])
			})
			p := start(t, known(), newPeer(t, dies).spec("a"), newPeer(t, echo).spec("b"))
			victim, s := p.connectOn("a")
			killer, _ := p.connectOn("b")
			victim.query("SELECT a FROM t")
			eventually(t, "the statement to run", func() bool { return len(victims) == 1 })
			if query {
				killer.query(fmt.Sprint("KILL QUERY ", s.id))
			} else {
				killer.query(fmt.Sprint("KILL ", s.id))
			}
			if _, err := killer.row(); err == nil || !strings.Contains(err.Error(), "outcome is unknown") {
				t.Errorf("the killer got %v", err)
			}
			got, err := victim.row()
			switch {
			case query && (err == nil || !strings.Contains(err.Error(), "outcome is unknown")):
				t.Errorf("a statement that was to be interrupted gives %q, %v: it has been run again", got, err)
			case !query && (err != nil || string(got) != "SELECT a FROM t"):
				t.Errorf("the statement gives %q, %v", got, err)
			}
			victim.ask("SELECT 1")
		})
	}
}

// A FIN may come before the killer's OK.
func TestFINBeforeTheKillersOK(t *testing.T) {
	t.Parallel()
	victims, seen := make(chan *peerConn, 1), make(chan struct{})
	slow := answering(func(c *peerConn, command []byte) bool {
		if strings.HasPrefix(string(command[1:]), "KILL") {
			_ = (<-victims).Close()
			<-seen
			return c.send(1, peerOK)
		}
		victims <- c
		return true
	})
	p := start(t, known(), newPeer(t, slow).spec("a"), newPeer(t, echo).spec("b"))
	victim, s := p.connectOn("a")
	killer, _ := p.connectOn("b")
	victim.query("SELECT a FROM t") // could be run again
	eventually(t, "the statement to run", func() bool { return len(victims) == 1 })
	killer.query(fmt.Sprint("KILL ", s.id))
	eventually(t, "the victim's connection to be closed", func() bool { return len(victims) == 0 })
	time.Sleep(20 * time.Millisecond) // in which it would have been run again; no event tells that it is not
	close(seen)
	if _, err := killer.row(); err != nil {
		t.Errorf("the killer got %v", err)
	}
	if got, err := victim.row(); err == nil || !strings.Contains(err.Error(), "1317") {
		t.Errorf("the statement gives %q, %v", got, err)
	}
	victim.waitEOF()
	eventually(t, "the session to end", func() bool { return s.current() == Closed })
	if end := s.howEnded(); end != Killed {
		t.Errorf("the session ended as %s", end)
	}
}

// A KILL that comes in pieces is one.
func TestKillInPieces(t *testing.T) {
	f := movable(t, 2, fesim.Options{Users: map[string]string{"u": "pw", "root": ""}}, Options{Users: []User{{Name: "u", Password: "pw", HasPassword: true}}})
	victim := f.place("u:pw", "fe-1")
	f.place("u:pw", "fe-2")
	d := f.connect()
	f.allReady()
	victim.running()
	packet, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, fmt.Sprint("KILL QUERY ", victim.s.id)...))
	for _, part := range [][]byte{packet[:7], packet[7:12], packet[12:]} {
		_, _ = d.Write(part)
		time.Sleep(5 * time.Millisecond) // so that they come as pieces
	}
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	if e := said(t, <-victim.after); e.Number != 1064 {
		t.Errorf("the killed statement gives %v", e)
	}
}

// A KILL in one chunk with the end of the statement before it is one too: sent on as it is it would meet whoever has that id on the backend.
func TestKillBehindTheTailOfAStatement(t *testing.T) {
	t.Parallel()
	for _, cut := range []int{2, 6, 30, 40} {
		f := movable(t, 2, fesim.Options{Users: map[string]string{"u": "pw", "root": ""}}, Options{Users: []User{{Name: "u", Password: "pw", HasPassword: true}}})
		victim := f.place("u:pw", "fe-1")
		f.place("u:pw", "fe-2")
		d := f.connect()
		f.allReady()
		victim.running()
		both, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, "SELECT 'of some length that is more than a head'"...))
		both, _ = wire.AppendPacket(both, 0, append([]byte{byte(wire.ComQuery)}, fmt.Sprint("KILL QUERY ", victim.s.id)...))
		for _, part := range [][]byte{both[:cut], both[cut:]} {
			_, _ = d.Write(part)
			time.Sleep(5 * time.Millisecond) // so that they come as pieces
		}
		for range 2 {
			if _, err := d.row(); err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		}
		if e := said(t, <-victim.after); e.Number != 1064 {
			t.Errorf("cut at %d: the killed statement gives %v", cut, e)
		}
	}
}

func TestChoose(t *testing.T) {
	a, b, c := &session{id: 1}, &session{id: 2}, &session{id: 3}
	here, same, current := candidate{session: a, current: true, here: true}, candidate{session: b, current: true, same: true}, candidate{session: c, current: true}
	former, sameFormer := candidate{session: c}, candidate{session: b, same: true}
	for name, tt := range map[string]struct {
		visible *candidate
		others  []candidate
		unique  bool
		want    *session
		clash   bool
	}{
		"nobody":                                        {},
		"the greeting's, of the same user":              {visible: &sameFormer, others: []candidate{here, current}, want: b},
		"the greeting's, of another user":               {visible: &former, want: c},
		"… but the killer's own backend knows another":  {visible: &former, others: []candidate{here}, want: a},
		"… but another backend knows one of his user's": {visible: &former, others: []candidate{same}, want: b},
		"here":                                           {others: []candidate{here, current, former}, want: a},
		"elsewhere, of the same user":                    {others: []candidate{same, current, former}, want: b},
		"here and elsewhere, of the same user":           {others: []candidate{here, same}, clash: true},
		"elsewhere, of another user":                     {others: []candidate{current}},
		"… where ids are unique":                         {others: []candidate{current, former}, unique: true, want: c},
		"before, of the same user":                       {others: []candidate{sameFormer, former}, want: b},
		"before, of another user":                        {others: []candidate{former}},
		"before, of another user, where ids are unique":  {others: []candidate{former}, unique: true, want: c},
		"twice elsewhere, of the same user":              {others: []candidate{same, {session: c, current: true, same: true}}, clash: true},
		"before by one, now by another of the same user": {others: []candidate{sameFormer, {session: a, current: true, same: true}}, want: a},
	} {
		who, clash := choose(tt.visible, tt.others, tt.unique)
		var got *session
		if who != nil {
			got = who.session
		}
		if got != tt.want || clash != tt.clash {
			t.Errorf("%s: %v, clash %v", name, got, clash)
		}
	}
}

func TestSessionIDs(t *testing.T) {
	s := NewServer(backend.NewRegistry(backend.Options{}), Options{}, nil, nil)
	s.lastID = lastID - 1
	s.ids[firstID+1] = struct{}{}
	var got []uint32
	for range 3 {
		got = append(got, s.enrol())
	}
	if want := fmt.Sprint([]uint32{lastID, firstID + 2, firstID + 3}); fmt.Sprint(got) != want {
		t.Errorf("the ids are %v, want %s", got, want)
	}
	var ids threads
	for id := range uint32(8) {
		ids.become(id)
	}
	for id, want := range map[uint32]string{7: "true true", 6: "true false", 3: "true false", 2: "false false", 8: "false false"} {
		found, current := ids.has(id)
		if got := fmt.Sprint(found, current); got != want {
			t.Errorf("id %d: %s", id, got)
		}
	}
}

// Servers that count for themselves give the same id to several sessions. Which one is meant is not guessed.
func TestKillOfAnIDThatTwoHave(t *testing.T) {
	p := start(t, known(), newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	p.connectOn("a")
	killer, s := p.connectOn("b")
	killer.query(fmt.Sprint("KILL QUERY ", s.thread())) // a peer gives everybody the same
	if _, err := killer.row(); err == nil || !strings.Contains(err.Error(), "several sessions") {
		t.Errorf("the client got %v", err)
	}
	killer.ask("SELECT 1")
}

// TiDB says OK, and closes an idle connection no sooner than at its next command.
func TestKilledSessionThatItsServerKeeps(t *testing.T) {
	t.Parallel()
	p := start(t, known(), newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	victim, s := p.connectOn("a")
	killer, _ := p.connectOn("b")
	killer.query(fmt.Sprint("KILL ", s.id))
	if _, err := killer.row(); err != nil {
		t.Fatal(err)
	}
	victim.waitEOF()
	_ = victim.Close()
	eventually(t, "the session to end", func() bool { return s.current() == Closed })
	if end := s.howEnded(); end != Killed {
		t.Errorf("the session ended as %s", end)
	}
}

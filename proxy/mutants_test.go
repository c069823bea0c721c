package proxy

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var simMutants = flag.Bool("sim.mutants", false, "have the simulation find each mutant of the core")

// mutant is the core with a fault that the simulation has to find.
type mutant struct {
	name, file string
	old, new   string // a text that is in the file once, and what the mutant has in its place
}

func mutants() []mutant {
	return []mutant{
		{"runs any statement again", "statement.go", "return look.ReadOnly || look.Rollback ||", "return true || look.Rollback ||"},
		{"forgets what it owes", "lost.go", "s.owed = &owed{due: nextCommand, reply: clientError(text), more: more, backend: s.backendName(), cause: err}", "_ = more"},
		{"lets a pipeline outrun what it owes", "command.go", "return c.s.owed.is(nextCommand) || c.s.track.Wary(c.b)", "return false"},
		{"keeps a lease", "link.go", "l.lease.Release()", "_ = l.lease"},
		{"keeps the lease of a visit that was broken off", "departure_end.go", "d.lease.Release() // and no word against the backend: it was cut off", "_ = d.lease"},
		{"does not read on when the client has room again", "front.go", "l.conn.Resume()", "_ = l.conn"},
		{"does not listen again behind a move", "departure_end.go", "w.joined(s, lease.Backend())\n\ts.kills.standsNow()\n\ts.client.again()", "w.joined(s, lease.Backend())\n\ts.kills.standsNow()"},
		{"leaves the session's variables behind", "rebuild.go", "r.queries(flavor, bag.Statements[:bag.Plain])", "r.queries(flavor, bag.Statements[:0])"},
		{"leaves the names of prepared statements as they were", "departure_end.go", "status, d.replay.ids())", "status, nil)"},
		{"gives the client answers to what Segue has asked", "down.go", "\t\treturn n, nil, false\n\tcase s.track.UnaskedInfile", "\t\treturn n, forward, true\n\tcase s.track.UnaskedInfile"},
		{"counts one too far", "front.go", "wire.AppendPacket(nil, seq+1, e.Append(nil))", "wire.AppendPacket(nil, seq+2, e.Append(nil))"},
		{"keeps its slot at the gate", "departure_end.go", "d.slot = false\n\t\tg.Leave()", "d.slot = false"},
		{"keeps its slot among those who dial", "connect.go", "c.inside = false\n\t\tc.turns.Leave()", "c.inside = false"},
		{"has clients owe answers that they have given", "crowd.go", "c.owes.owing.Add(-1)", ""},
		{"moves a session that was killed", "kills.go", "return k.pending > 0 || k.killed != 0 &&", "return false && k.killed != 0 &&"},
		{"keeps statements for ever", "down.go", "s.stmt.release(s.w) // the answer has begun", ""},
		{"forgets a statement that is to be run again", "departure_end.go", "\t\ts.sendAgain()\n", ""},
		{"says that a statement that ran was not sent", "lost.go", `when := " while the statement ran; its outcome is unknown"`, `when := " and the statement was not sent"`},
		{"keeps bytes that are another's", "front.go", "f.rest = bytes.Clone(b)", "f.rest, _ = b, bytes.Clone(nil)"},
		{"drops what is to be shown again", "link.go", "l.conn.Unread(b)", "_ = b"},
		{"counts those who wait for ever", "hold.go", "s.w.server.waiting.Add(-st.size)", ""},
		{"forgets when a session that crosses is to look", "transfer.go", "s.due.arm()\n\tif s.curious", "if s.curious"},
		{"waits for ever for who has crossed", "transfer.go", "w.loop.Release() // it is no longer expected, but there", ""},
		{"lets a session cross that waits for a backend", "transfer.go", "s.errand != nil, s.client.reading:", "s.client.reading:"},
		{"never forgets an id", "worker.go", "w.server.forgetID(s.id)", ""},
		{"leaves a session in the list of a backend", "departure_end.go", "w.detached(s, old.backend)", ""},
		{"moves a session that has a lock", "track/held.go", "h.locks = append(h.locks, o.text)", "_ = o.text"},
		{"lets warnings of another backend be asked for", "departure_end.go", "s.track.Miss(warned)\n\ts.notice.tries = nil", "_ = warned\n\ts.notice.tries = nil"},
		{"takes the first of several results for the last", "../backend/wire/exchange_result.go", "x.phase = phaseFirst\n\t\treturn More", ""},
		{"proves a user to the salt of another backend", "command.go", "m.AuthResponse, m.AuthPlugin = nil, authSwitchPlugin", "_ = authSwitchPlugin"},
		{"asks for nothing that no text has told", "unforeseen.go", "return []turn{u.ask, u.answered}", "return nil"},
		{"does not hear that something has changed", "track/unforeseen.go", "\t\ts.hinted = true\n", "\t\ts.hinted = false\n"},
		{"lets a client hear what it has not asked for", "down.go", "s.pass(forward,", "s.pass(append(forward[:0:0], b[:n]...),"},
		{"does not hear what the server says of the session", "track/facts.go", "default:\n\t\t\ts.setting(h, f)", ""},
		{"moves a session that has a cursor", "track/server.go", "s.cursors.add(e.statement)", ""},
		{"takes a file for commands", "track/server.go", "s.mode = fileData", ""},
		{"cannot follow a command that is refused", "../backend/wire/exchange.go", "x.phase = phaseRefusal\n\t}", "x.phase = phaseEnded\n\t}"},
		{"kills by the id of another connection", "kill.go", "packet = k.With(packet, k.thread)", ""},
		{"stays the service account", "rebuild.go", "first = append(first, client.Query(become))", ""},
		{"forgets statements that are prepared by their text", "track/held.go", "h.texts = append(h.texts, x)", "_ = x"},
		{"makes a transaction of what was to be read only", "track/server.go", "h.pins&pinNextTransaction != 0 && s.txn.used(e.effect) {", "h.pins&pinNextTransaction != 0 {"},
		{"sends on the head of what may be a KILL", "command.go", "c.isWary() || isHeadless(c.b) || ", "c.isWary() || "},
		{"sends on half a COM_CHANGE_USER", "command.go", "return 0, length > maxChangeUser", "return 0, length >= 0"},
		{"takes the backend for the one that has greeted", "connect.go", "salted: c.shake.OtherSalt()", "salted: false"},
		{"goes on with a user that is denied another", "track/server.go", "s.denied = s.failed && e.command == wire.ComChangeUser", ""},
		{"has servers count anew with each move", "departure_end.go", "s.detachBy(d.replay.waitTimeout())", ""},
		{"leaves a client without a backend when it goes on", "detach.go", "d.to.start(d.s)", ""},
		{"keeps what was logged in for who does not go", "notice.go", "\t\td.abort()\n\t\tn.tries.ahead = nil\n", "\t\tn.tries.ahead = nil\n"},
		{"forgets the database of who was logged in ahead", "ahead.go", "d.bag.late = true", "d.bag.late = false"},
		{"keeps its slot at the narrow gate", "departure_end.go", "d.s.w.server.swaps.Leave()", "_ = d.s.w.server.swaps"},
		{"tells clients that a server is well that is not", "plan/refused.go", "f.RunAgain && f.Ping:", "f.RunAgain:"},
		{"gives the client what is said behind the answers to Segue", "question.go", "len(rest) > 0 && q.talk.over() && (", "false && ("},
	}
}

// TestMutantsApply: each mutant's place is in the source, which `make test` says long before TestMutants would.
func TestMutantsApply(t *testing.T) {
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) { m.source(t) })
	}
}

// TestMutants: the simulation finds each mutant within a minute.
func TestMutants(t *testing.T) {
	if !*simMutants {
		return // `make mutants`: it builds each of them
	}
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			program := m.build(t)
			began := time.Now()
			run := exec.CommandContext(t.Context(), program, "-test.run", "^TestSimulation$", "-test.timeout", "1m", "-sim.quick", "-sim.lives", "100000")
			out, err := run.CombinedOutput()
			took := time.Since(began).Round(time.Millisecond)
			if err == nil || took > time.Minute {
				t.Fatalf("the simulation has not found it in %s\n%s", took, out)
			}
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "simulation_test.go") || strings.HasPrefix(line, "panic:") {
					t.Logf("found in %s: %s", took, strings.TrimSpace(line))
					return
				}
			}
			t.Fatalf("it was not the simulation that found it\n%s", out)
		})
	}
}

// source returns the path of the file that the mutant changes, and what stands in it then.
func (m mutant) source(t *testing.T) (file, changed string) {
	t.Helper()
	file, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatalf("find %s: %v", m.file, err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("read source: %v", err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s has %q %d times, want once: give the mutant another place", m.file, m.old, n)
	}
	return file, strings.Replace(string(source), m.old, m.new, 1)
}

// build builds the package's tests with the mutant: the source is as it is but for one file, which the compiler is given in the place of the true one.
func (m mutant) build(t *testing.T) string {
	t.Helper()
	file, text := m.source(t)
	dir := t.TempDir()
	changed, overlay, program := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
	if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
		t.Fatalf("write mutant: %v", err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err == nil {
		err = os.WriteFile(overlay, list, 0o600)
	}
	if err != nil {
		t.Fatalf("write overlay: %v", err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", overlay, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build mutant: %v\n%s", err, out)
	}
	return program
}

package e2e

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"segue/backend/fesim"
	"segue/proxy/track"
)

// TestMoveVerdicts runs the table of statements (track.Verdicts) on servers: each example in a session of its own, then the
// session's backend is drained. What pins stays where it is, with the reason that the table gives; everything else moves, and the
// session can see afterwards what it could see before.
func TestMoveVerdicts(t *testing.T) {
	t.Run("MariaDB 10.11", func(t *testing.T) { tryVerdicts(t, startMariaDBs(t), "MariaDB", mariadbRefuses()) })
	t.Run("MariaDB 11.4", func(t *testing.T) {
		tryVerdicts(t, startMariaDBsOf(t, nextRelease(t)), "MariaDB", mariadbRefuses())
	})
	t.Run("TiDB 9.0", func(t *testing.T) { tryVerdicts(t, startTiDBs(t, 0), "TiDB", tidbRefuses()) })
	t.Run("simulated FE", func(t *testing.T) {
		fes := startFEs(t, fesim.Options{Databases: []string{"a", "d", "demo", "test"}, Impersonators: []string{testUser}})
		tryVerdicts(t, fes, "StarRocks", nil)
	})
}

var updateTried = flag.Bool("tried.update", false, "have TestMoveVerdicts write which rows it has tried, for STATEMENTS.md")

// judgeTried requires that the rows which have been tried are those that STATEMENTS.md says.
func (v *verdictTrial) judgeTried(t *testing.T) {
	t.Helper()
	_, server, _ := strings.Cut(t.Name(), "/")
	path := filepath.Join("..", "track", "testdata", "tried", strings.ReplaceAll(server, "_", " ")+".txt")
	tried := strings.Join(v.tried, "\n") + "\n"
	if *updateTried {
		if err := os.WriteFile(path, []byte(tried), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if said, err := os.ReadFile(path); err != nil || string(said) != tried {
		t.Errorf("other rows have been tried than STATEMENTS.md says (%v): run this with -tried.update, then go test ./proxy/track -update", err)
	}
}

// verdictTrial is the table's trial on one fleet.
type verdictTrial struct {
	fleet   fleet
	dialect string // as the table calls it
	program *segueProgram
	fresh   sight  // what a session sees that holds nothing
	avoid   string // a backend on which no session begins; "": there is none

	account   string // of clients; "": testUser
	collation string // that clients name at their login; "": as they like it

	refused []string // examples that this server does not take
	tried   []string // rows
	seen    int      // rows whose state the probes can see
}

// tryVerdicts tries all rows. refuses are the examples that these servers answer with an error, nil where that is not known: the
// simulated FE knows few statements.
func tryVerdicts(t *testing.T, f fleet, dialect string, refuses []string) {
	t.Helper()
	v := &verdictTrial{fleet: f, dialect: dialect, program: startProgram(t, f.flavor(), f.specs())}
	v.fresh = v.freshSight(t)
	rows, ran := 0, 0
	for _, row := range track.Verdicts() {
		if row.Dialects != "all" && !strings.Contains(row.Dialects, dialect) {
			continue
		}
		rows++
		t.Run(row.Statement, func(t *testing.T) {
			ran++
			v.tryRow(t, row)
		})
	}
	t.Logf("%d of %d rows for %s tested on %s; the state of %d can be seen; refused: %q", len(v.tried), rows, dialect, f.flavor(), v.seen, v.refused)
	if refuses != nil && !slices.Equal(v.refused, refuses) {
		t.Errorf("the server refuses %q, want %q", v.refused, refuses)
	}
	if len(v.tried) == 0 || v.seen == 0 {
		t.Errorf("%d rows tested, the state of %d seen", len(v.tried), v.seen)
	}
	if ran == rows { // not some that were picked by name
		v.judgeTried(t)
	}
}

// tryRow tries all examples of a row, or the command that it is about.
func (v *verdictTrial) tryRow(t *testing.T, row track.Row) {
	t.Helper()
	tested, seen := false, false
	for _, e := range examplesOf(row, v.dialect) {
		took, differs := v.try(t, row, e)
		tested, seen = tested || took, seen || differs
	}
	if tested {
		v.tried = append(v.tried, row.Statement)
	}
	if seen {
		v.seen++
	}
}

// try runs one example and moves its session. It reports whether the server took it, and whether the session can see what it
// has done.
func (v *verdictTrial) try(t *testing.T, row track.Row, e example) (took, differs bool) {
	t.Helper()
	v.clean(t)
	s := v.connect(t)
	defer s.close()
	if err := s.run(e); err != nil {
		if _, refused := errors.AsType[*mysql.MyError](err); !refused {
			t.Errorf("%s: %v", e.name, err)
		}
		v.refused = append(v.refused, e.name)
		return false, false
	}
	reasons, pins := strings.CutPrefix(row.Held, "pins: ")
	home := s.settled(t, pins)
	if pins && home.Pinned == "" && e.mayMove {
		pins = false
	}
	if pins {
		if home.Pinned == "" || !slices.Contains(strings.Split(reasons, ", "), home.Pinned) && !slices.Contains(e.pinned, home.Pinned) {
			t.Errorf("%s: pinned by %q, want %s", e.name, home.Pinned, reasons)
		}
		v.drained(t, home.Backend, func() {
			if e.still != nil {
				e.still(t, s)
			}
			if now := s.info(t); now.Backend != home.Backend {
				t.Errorf("%s: moved to %s though pinned", e.name, now.Backend)
			}
		})
		return true, false
	}
	if home.Pinned != "" {
		t.Errorf("%s: pinned by %s, want %s", e.name, home.Pinned, row.Held)
		return true, false
	}
	before, err := s.look()
	if err != nil {
		t.Errorf("%s: look: %v", e.name, err)
		return true, false
	}
	v.drained(t, home.Backend, func() {
		if !s.leaves(t, home.Backend) {
			t.Errorf("%s: has not left %s: %+v", e.name, home.Backend, s.info(t))
			return
		}
		after, err := s.look()
		if err != nil {
			t.Errorf("%s: look after the move: %v", e.name, err)
			return
		}
		for _, fault := range before.differences(after, v.fresh) {
			t.Errorf("%s: %s", e.name, fault)
		}
	})
	return true, len(v.fresh.differences(before, v.fresh)) > 0
}

// drained does something while a backend is drained.
func (v *verdictTrial) drained(t *testing.T, name string, do func()) {
	t.Helper()
	v.program.post(t, "/api/v1/backends/"+name+"/drain")
	defer v.program.post(t, "/api/v1/backends/"+name+"/ready")
	do()
}

// sight is what a session can see of its state: probe → answer.
type sight map[string]string

// differences lists what is not the same in s and other; what fresh does not have can be compared on no two servers.
func (s sight) differences(other, fresh sight) []string {
	var faults []string
	for _, probe := range slices.Sorted(maps.Keys(s)) {
		if _, comparable := fresh[probe]; comparable && s[probe] != other[probe] {
			faults = append(faults, fmt.Sprintf("%s: %.100s, now %.100s", probe, s[probe], other[probe]))
		}
	}
	return faults
}

// freshSight is what new sessions see on every backend alike, and twice the same.
func (v *verdictTrial) freshSight(t *testing.T) sight {
	t.Helper()
	v.clean(t)
	var common sight
	for range 2 {
		for _, spec := range v.fleet.specs() {
			s := v.connectTo(t, spec.Address)
			now, err := s.look()
			s.close()
			if err != nil {
				t.Fatalf("look at a fresh session of %s: %v", spec.Name, err)
			}
			if common == nil {
				common = now
			}
			maps.DeleteFunc(common, func(probe, answer string) bool { return now[probe] != answer })
		}
		time.Sleep(10 * time.Millisecond) // clocks go on
	}
	if len(common) < 20 {
		t.Fatalf("fresh sessions have little in common: %v", common)
	}
	return common
}

func TestSightDifferences(t *testing.T) {
	fresh := sight{"@x": "NULL", "tz": "SYSTEM"} // the clock is not in it: it is no two sessions' the same
	before := sight{"@x": "1", "tz": "SYSTEM", "clock": "1"}
	if got := before.differences(sight{"@x": "1", "tz": "SYSTEM", "clock": "2"}, fresh); len(got) > 0 {
		t.Errorf("the same: %q", got)
	}
	if got := before.differences(sight{"@x": "NULL", "tz": "SYSTEM"}, fresh); len(got) != 1 || !strings.Contains(got[0], "@x") {
		t.Errorf("lost: %q", got)
	}
}

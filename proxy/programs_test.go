package proxy

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/track"
)

// TestRights: which schemas an account sees whole, and whether it may write to tables whose triggers it does not see.
func TestRights(t *testing.T) {
	rows := func(list ...[]string) (out [][]client.Value) {
		for _, row := range list {
			var values []client.Value
			for _, v := range row {
				values = append(values, client.Value(v))
			}
			out = append(out, values)
		}
		return out
	}
	for name, c := range map[string]struct {
		global, schemas, tables, roles [][]client.Value
		sees, blind                    bool
	}{
		"all":           {global: rows([]string{"SELECT"}, []string{"INSERT"}, []string{"TRIGGER"}), sees: true},
		"reads all":     {global: rows([]string{"SELECT"})},
		"writes all":    {global: rows([]string{"SELECT"}, []string{"INSERT"}), blind: true},
		"all of one":    {schemas: rows([]string{"a\\_b", "SELECT"}, []string{"a\\_b", "UPDATE"}, []string{"a\\_b", "TRIGGER"}, []string{"a\\_b", "EXECUTE"}), sees: true},
		"of another":    {schemas: rows([]string{"c", "SELECT"}, []string{"c", "TRIGGER"}, []string{"c", "EXECUTE"})},
		"no triggers":   {schemas: rows([]string{"a_b", "INSERT"}, []string{"a_b", "EXECUTE"}), blind: true},
		"one table":     {tables: rows([]string{"DELETE"}), blind: true},
		"reads a table": {tables: rows([]string{"SELECT"})},
		"a role":        {roles: rows([]string{"r"}), blind: true},
		"nothing":       {global: rows([]string{"USAGE"})},
		"not told":      {blind: true},
	} {
		k := census{dialect: track.MariaDB}
		for t, rows := range map[*answer][][]client.Value{&k.global: c.global, &k.schemas: c.schemas, &k.tables: c.tables, &k.roles: c.roles} {
			t.Rows, t.ended = rows, true
		}
		r := k.account()
		if r.sees([]byte("a_b")) != c.sees || r.blind() != c.blind {
			t.Errorf("%s: sees %v, blind %v", name, r.sees([]byte("a_b")), r.blind())
		}
		k.schemas.ended = false // it is cut off
		if r = k.account(); r.sees([]byte("a_b")) || !r.blind() || !r.runs() {
			t.Errorf("%s, cut off: sees %v, blind %v, runs %v", name, r.sees([]byte("a_b")), r.blind(), r.runs())
		}
	}
}

// TestCensusEndsInTime: all questions together within the time of an inquiry, however slow the server is.
func TestCensusEndsInTime(t *testing.T) {
	c := census{dialect: track.MariaDB}
	list, err := c.ask(0)
	if err != nil || len(list) != 9 {
		t.Fatalf("%d questions, %v", len(list), err)
	}
	for i := range list {
		if !strings.Contains(list[i].Text, "max_statement_time=0.4 FOR */SELECT /*+ MAX_EXECUTION_TIME(400) */") {
			t.Errorf("no bound: %s", list[i].Text)
		}
	}
	if all := time.Duration(len(list)) * censusMillis * time.Millisecond; all >= inquiryTimeout-time.Second {
		t.Errorf("they take up to %v", all)
	}
}

// TestCensusIsWhole: an answer that an error cuts off, or that has other columns, or too many rows, is none.
func TestCensusIsWhole(t *testing.T) {
	def := append([]byte("\x03def\x00\x00\x00\x01a\x00\x0c"), make([]byte, 12)...)
	row, end := []byte("\x01x"), []byte{0xfe, 0, 0, 2, 0}
	fill := func(columns, rows int, ended bool) *answer {
		a := &answer{columns: 1}
		_ = a.take(client.First, []byte{byte(columns)})
		for range columns {
			if err := a.take(client.Definition, def); err != nil {
				t.Fatal(err)
			}
		}
		for range rows {
			if err := a.take(client.Row, bytes.Repeat(row, columns)); err != nil {
				t.Fatal(err)
			}
		}
		if ended {
			_ = a.take(client.Last, end)
		}
		return a
	}
	for name, c := range map[string]struct {
		columns, rows int
		ended, want   bool
	}{
		"whole": {1, 3, true, true}, "empty": {1, 0, true, true}, "cut off": {1, 3, false, false}, "two columns": {2, 1, true, false}, "two columns, and no rows": {2, 0, true, false}, "as many as may be": {1, maxPrograms, true, true},
		"too many": {1, maxPrograms + 1, true, false},
	} {
		if a := fill(c.columns, c.rows, c.ended); a.whole() != c.want {
			t.Errorf("%s: whole %v", name, a.whole())
		}
	}
}

// TestCensusEndsItsTransaction: MySQL with autocommit off begins one to answer.
func TestCensusEndsItsTransaction(t *testing.T) {
	c := census{over: func() {}}
	list, err := c.answered(wire.StatusInTrans)
	if err != nil || len(list) != 1 || list[0].Text != "COMMIT AND NO CHAIN NO RELEASE" {
		t.Errorf("%v, %v", list, err)
	}
	if list, err = c.answered(wire.StatusAutocommit); err != nil || len(list) != 0 {
		t.Errorf("%v, %v where there is none", list, err)
	}
}

// TestCatalogIsRead: by one session at a time, again after a while, and soon once something has been defined.
func TestCatalogIsRead(t *testing.T) {
	var p programs
	c := p.of(nil, "u")
	if p.of(nil, "u") != c || p.of(nil, "v") == c {
		t.Error("catalogs are mixed up")
	}
	now := int64(time.Hour)
	if !p.claim(c, now) || p.claim(c, now) || isDue(c, now+int64(time.Second)) || !isDue(c, now+int64(inquiryTimeout+programsAgain)) {
		t.Error("what is being read is read by another, or never again")
	}
	later := now + int64(inquiryTimeout+programsAgain)
	if !p.claim(c, later) || isDue(c, later+int64(inquiryTimeout+programsAgain)) || !isDue(c, later+int64(inquiryTimeout+2*programsAgain)) || c.Programs() != nil {
		t.Error("a failure is followed by another at once, or makes something known")
	}
	if unclaim(c, now); !isDue(c, now) {
		t.Error("whose reader has gone is not read")
	}
	clean := track.NewPrograms(nil, track.System{})
	hasRead(c, clean, 0, now, int64(time.Millisecond))
	if isDue(c, now+int64(programsFor)-1) || !isDue(c, now+int64(programsFor)) || c.Programs() == nil {
		t.Error("it is not read once a minute")
	}
	hasRead(c, clean, 0, now, int64(time.Second))
	if isDue(c, now+int64(time.Minute)) || !isDue(c, now+programsShare*int64(time.Second)) {
		t.Error("what takes long to read is read often")
	}
	if !isDue(c, now+int64(programsEnd)) || c.Programs() != nil {
		t.Error("what nobody has read for long is believed")
	}
	hasRead(c, clean, -1, now, 0) // something has been defined since
	if c.Programs() != nil || isDue(c, now) || !isDue(c, now+int64(tendEvery)) {
		t.Error("what is out of date is not read again, or at once")
	}
}

// TestReadersThatGo: one that goes when what it has read is known already, or twice, makes no failure less than none, and nothing panics.
func TestReadersThatGo(t *testing.T) {
	var p programs
	c := p.of(nil, "u")
	now := int64(time.Hour)
	hasRead(c, track.NewPrograms(nil, track.System{}), 0, now, 0)
	unclaim(c, now)
	if !p.claim(c, now) || c.Reads.Due.Load() != now+int64(inquiryTimeout+programsAgain) {
		t.Error("it is not claimed, or not for as long as it takes")
	}
}

// TestGivenUp: a server that never tells keeps nobody, until it is asked again.
func TestGivenUp(t *testing.T) {
	var p programs
	c := p.of(nil, "u")
	now := int64(time.Hour)
	for range mostFailures {
		if giveUp(c, now) || !p.claim(c, now) {
			t.Fatal("it is given up too soon, or not read")
		}
		p.reading.Store(0)
		if giveUp(c, now) {
			t.Fatal("it is given up while it is read")
		}
		now = c.Reads.Due.Load()
	}
	if !giveUp(c, now) || giveUp(c, now) || !c.GivenUp() {
		t.Error("it is not given up, or twice")
	}
	if resume(c, now+int64(programsEnd)-1); !c.GivenUp() {
		t.Error("it is read again at once")
	}
	if resume(c, now+int64(programsEnd)); c.GivenUp() || !p.claim(c, now+int64(programsEnd)) {
		t.Error("it is never read again")
	}
}

// TestCutOffTermsMakeNothingKnown: rights or variables that have not come whole judge nothing, however often.
func TestCutOffTermsMakeNothingKnown(t *testing.T) {
	var p programs
	catalog := p.of(nil, "u")
	catalog.Reads.Failures.Store(100)
	over := 0
	c := census{catalog: catalog, dialect: track.MariaDB, over: func() { over++ }}
	if _, err := c.ask(0); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*answer{&c.routines, &c.triggers, &c.views, &c.global, &c.schemas, &c.tables, &c.roles} {
		a.ended, a.Columns = true, make([]wire.ColumnDefinition41, a.columns)
	}
	if !c.hasTexts() || c.hasTerms() {
		t.Fatal("not what is to be tried")
	}
	if _, err := c.answered(wire.StatusAutocommit); err != nil || catalog.Programs() != nil || over != 1 {
		t.Errorf("%v, known %v, over %d times", err, catalog.Programs() != nil, over)
	}
}

// TestProgramsPatience: a session whose client may ask for FOUND_ROWS() reads only where nobody else does.
func TestProgramsPatience(t *testing.T) {
	for _, c := range []struct {
		overdue time.Duration
		known   bool
		want    time.Duration
	}{{0, false, 200 * time.Millisecond}, {3 * time.Second, false, 200 * time.Millisecond}, {0, true, 10 * time.Second}, {2 * time.Minute, true, time.Second}} {
		if got := programsPatience(c.overdue, c.known); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

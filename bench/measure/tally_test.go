package measure

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/bench"
)

func at(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }

// Each error is told apart by what its client was doing, and counts where it belongs.
func TestFaults(t *testing.T) {
	cut := fmt.Errorf("%w: %w", mysql.ErrInvalidConn, io.EOF)
	for _, test := range []struct {
		name  string
		doing Doing
		err   error
		what  string
		sent  string
		part  Part
	}{
		{"refused", Connecting, syscall.ECONNREFUSED, "refused", "-", ConnectPart},
		{"reset", Connecting, fmt.Errorf("%w: %w", mysql.ErrInvalidConn, syscall.ECONNRESET), "reset", "-", ConnectPart},
		{"closed", Connecting, cut, "closed before login (EOF)", "-", ConnectPart},
		{"too many", Connecting, &mysql.MySQLError{Number: 1040}, "ERR", "-", ConnectPart},
		{"set-up", SettingUp, cut, "connection lost", "yes", ConnectPart},
		{"cut", Asking, cut, "connection lost", "yes", StatementPart},
		{"unsent", Asking, driver.ErrBadConn, "connection lost", "no", StatementPart},
		{"ERR", Pinging, &mysql.MySQLError{Number: 1053}, "ERR", "yes", StatementPart},
		{"in a transaction", InTransaction, cut, "connection lost", "yes", TransactionPart},
		{"at its beginning", Beginning, driver.ErrBadConn, "connection lost", "no", TransactionPart},
		{"at its end", Committing, &mysql.MySQLError{Number: 1105}, "ERR", "yes", TransactionPart},
		{"write", Writing, cut, "connection lost", "yes", WritePart},
	} {
		y := newTally()
		y.failed(at(300), Long, test.doing, test.err)
		y.failed(at(700), Long, test.doing, test.err)
		rows := faultRows(y.faults)
		if len(rows) != 1 || rows[0].Count != 2 || rows[0].What != test.what || rows[0].Sent != test.sent || rows[0].Doing != test.doing.String() ||
			rows[0].First.Duration() != at(300) || rows[0].Last.Duration() != at(700) || rows[0].Sample != test.err.Error() {
			t.Errorf("%s: %+v", test.name, rows)
		}
		if got := y.timeline.at(at(300)).errors[test.part]; got != 1 {
			t.Errorf("%s: not counted as %v", test.name, test.part)
		}
		if y.scores[Long].errors != 2 {
			t.Errorf("%s: %d errors", test.name, y.scores[Long].errors)
		}
	}
}

func TestTally(t *testing.T) {
	y := newTally()
	y.answered(at(100), Long, answer{response: at(3), service: at(2), stall: at(3)})
	y.answered(at(2100), Short, answer{response: at(1500), service: at(5), stall: at(1900)})
	y.failed(at(1000), Short, Connecting, syscall.ECONNREFUSED)
	y.foundDead(at(1000), Idle)
	y.ended(at(4000))
	r := Result{Took: Millis(at(4000))}
	l := DefaultLoad()
	r.summarize(y, &l, 0)
	f := r.Felt
	if f.Answers != 2 || f.Errors != 1 || f.ErrorsPerMinute < 14.9 || f.ErrorsPerMinute > 15.1 || f.WorstMinute != 1 || f.FoundDead != 1 {
		t.Errorf("felt %+v", f)
	}
	if f.Stall.Duration() != at(1900) || f.StallClass != "short-lived" || f.StallEnd.Duration() != at(2100) {
		t.Errorf("longest stall %v of %s up to %v", f.Stall, f.StallClass, f.StallEnd)
	}
	if f.Silence.Duration() != at(2000) {
		t.Errorf("longest silence %v, want 2 s", f.Silence)
	}
	if r.Clean() {
		t.Error("a run with an error is clean")
	}
	if len(r.Timeline.Buckets) != 16 || r.Timeline.Buckets[4].Failed() != 1 || r.Timeline.Buckets[8].Max.Duration() != at(1500) {
		t.Errorf("timeline %+v", r.Timeline)
	}
	if len(r.Classes) != int(numClasses)-1 { // the default has no loads
		t.Errorf("%d classes", len(r.Classes))
	}
}

func TestWrongAnswersAreOfTwoKinds(t *testing.T) {
	y := newTally()
	y.failed(0, Long, Asking, errors.Join(io.EOF, errors.New("no wrong answer"))) // cut
	if s := y.scores[Long]; s.stateLost+s.wrong != 0 || s.errors != 1 {
		t.Errorf("%+v", s)
	}
	if got := (fault{kind: bench.WrongAnswer, lost: true}).what() + ", " + (fault{kind: bench.WrongAnswer}).what(); got != "state of the session lost, wrong answer" {
		t.Error(got)
	}
}

// A long run keeps all that it counted, in fewer and wider steps.
func TestTimelineJoins(t *testing.T) {
	var l timeline
	for s := range 3600 {
		b := l.at(time.Duration(s) * time.Second)
		b.answers++
		b.errors[WritePart]++
		b.response.Add(time.Duration(s) * time.Millisecond)
	}
	if l.step != 4*time.Second || len(l.buckets) != 900 {
		t.Fatalf("%d buckets of %v", len(l.buckets), l.step)
	}
	answers, n := 0, 0
	for i, b := range l.buckets {
		answers, n = answers+b.answers, n+b.response.Count()
		if b.answers != 4 || b.errors[WritePart] != 4 {
			t.Fatalf("bucket %d: %+v", i, b)
		}
	}
	if answers != 3600 || n != 3600 {
		t.Errorf("%d answers, %d response times", answers, n)
	}
	if got := l.worstMinute(); got != 60 {
		t.Errorf("%d errors in the worst minute, want 60", got)
	}
}

func TestResultIsReadAsItWasWritten(t *testing.T) {
	r := Result{Took: Millis(1234567 * time.Microsecond), Marks: []Mark{{At: Millis(at(1500)), Text: "fe-1 leaves", Source: "script"}}}
	data, err := json.Marshal(&r)
	if err != nil || !strings.Contains(string(data), `"took_ms":1234.567`) {
		t.Fatalf("%s, %v", data, err)
	}
	var again Result
	if err := json.Unmarshal(data, &again); err != nil || again.Took != r.Took || again.Marks[0] != r.Marks[0] {
		t.Errorf("%+v, %v", again, err)
	}
}

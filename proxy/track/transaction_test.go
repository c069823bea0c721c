package track

import (
	"slices"
	"testing"

	"segue/backend/wire"
)

// the answers are what MariaDB's are.
func TestCharacteristicsOfTheNextTransaction(t *testing.T) {
	open := []byte{0, 0, 0, 3, 0x20, 0, 0} // SERVER_STATUS_IN_TRANS_READONLY too
	const set = "SET TRANSACTION READ ONLY"
	for _, c := range []struct {
		name  string
		talks []talk
		want  string
	}{
		{"alone", nil, PinNextTransaction},
		{"DO", []talk{say(query("DO 1")), answer(ok)}, PinNextTransaction},
		{"a statement with autocommit", []talk{say(query("INSERT INTO m VALUES (1)")), answer(ok)}, PinNextTransaction},
		{"FLUSH", []talk{say(query("FLUSH STATUS")), answer(ok)}, PinNextTransaction},
		{"COMMIT without a transaction", []talk{say(query("COMMIT")), answer(ok)}, PinNextTransaction},
		{"a ping", []talk{say(command(wire.ComPing, "")), answer(ok)}, PinNextTransaction},
		{"begun", []talk{say(query("BEGIN")), answer(open)}, PinTransaction},
		{"committed", []talk{say(query("BEGIN")), answer(open), say(query("SELECT 1")), answer(open), say(query("COMMIT")), answer(ok)}, ""},
		{"rolled back", []talk{say(query("START TRANSACTION")), answer(open), say(query("ROLLBACK")), answer(ok)}, ""},
		{"a commit that fails", []talk{say(query("BEGIN")), answer(open), say(query("COMMIT")), answer(failure), say(query("DO 1")), answer(ok)}, PinNextTransaction},
		{"chained", []talk{say(query("BEGIN")), answer(open), say(query("COMMIT AND CHAIN")), answer(open)}, PinTransaction},
		{"committed by SET autocommit, which keeps them", []talk{
			say(query("SET autocommit=0")), answer(okOff), say(query("SELECT a FROM t")), answer(open), say(query("SET autocommit=1")), answer(ok),
		}, PinNextTransaction},
		{"… and then a transaction", []talk{
			say(query("SET autocommit=0")), answer(okOff), say(query("SELECT a FROM t")), answer(open), say(query("SET autocommit=1")), answer(ok),
			say(query("BEGIN")), answer(open), say(query("COMMIT")), answer(ok),
		}, ""},
		{"set anew behind a commit", []talk{say(query("BEGIN")), answer(open), say(query("COMMIT; " + set)), answer([]byte{0, 0, 0, 10, 0, 0, 0}, ok)}, PinNextTransaction},
		{"set in a text that fails", []talk{
			say(query("BEGIN")), answer(open), say(query("COMMIT; " + set + "; SELECT x")), answer([]byte{0, 0, 0, 10, 0, 0, 0}, []byte{0, 0, 0, 10, 0, 0, 0}, failure),
			say(query("COMMIT")), answer(ok),
		}, PinNextTransaction},
	} {
		s := run(Options{}, append([]talk{say(query(set)), answer(ok)}, c.talks...), 1<<20)
		if s.Pinned() != c.want {
			t.Errorf("%s: pinned %q, want %q", c.name, s.Pinned(), c.want)
		}
	}
}

// Of several statements of which one fails those before it have been answered, with flags.
func TestTransactionBegunByATextThatFails(t *testing.T) {
	more, none := []byte{0, 0, 0, 0x0b, 0, 0, 0}, []byte{0, 0, 0, 0x0a, 0, 0, 0}
	s := run(Options{}, []talk{say(query("SET STATEMENT max_statement_time=5 FOR BEGIN; SELECT x")), answer(more, failure)}, 1<<20)
	if s.Pinned() != PinTransaction {
		t.Errorf("begun, then an error: pinned %q", s.Pinned())
	}
	s = run(Options{}, []talk{say(query("BEGIN")), answer(okTrans), say(query("COMMIT; SELECT x")), answer(none, failure)}, 1<<20)
	if s.Pinned() != "" {
		t.Errorf("committed, then an error: pinned %q", s.Pinned())
	}
}

// BEGIN is said anew on another backend only if that begins the same transaction, and nothing else is forgotten on the way.
func TestOnlyABareBeginGoesAlong(t *testing.T) {
	begin := []talk{say(query("BEGIN")), answer(okTrans)}
	for _, c := range []struct {
		before  string
		dropped string
		more    bool
		begins  bool
	}{
		{"SELECT 1", "", false, true},
		{"SET TRANSACTION READ ONLY", "transaction and next_transaction", true, false},
		{"SELECT GET_LOCK('a',0)", PinUserLock, true, true},
		{"CREATE TEMPORARY TABLE t (a INT)", PinTemporaryTable, true, true},
	} {
		s := run(Options{}, append([]talk{say(query(c.before)), answer(ok)}, begin...), 1<<20)
		dropped, more := s.Dropped()
		if begins := slices.Contains(s.Replay().Statements, "BEGIN"); dropped != c.dropped || more != c.more || begins != c.begins {
			t.Errorf("%s: dropped %q, more %v, begins %v; want %q, %v, %v", c.before, dropped, more, begins, c.dropped, c.more, c.begins)
		}
	}
	s := run(Options{}, append([]talk{say(query("SELECT 1")), answer(ok)}, append(begin, say(query("INSERT")), answer(okTrans))...), 1<<20)
	if dropped, more := s.Dropped(); dropped != PinTransaction || more {
		t.Errorf("a transaction: dropped %q, more %v", dropped, more)
	}
}

// With autocommit off a savepoint may stand before the transaction: MariaDB's flags tell of none, and ROLLBACK TO finds it all the same.
func TestASavepointBeforeItsTransaction(t *testing.T) {
	open := []byte{0, 0, 0, 1, 0, 0, 0}
	off := []talk{say(query("SET autocommit=0")), answer(okOff), say(query("SAVEPOINT a")), answer(okOff)}
	for _, c := range []struct {
		name  string
		talks []talk
		want  string // which is also what the loss of its backend costs, that a ROLLBACK gives up
	}{
		{"alone", off, PinSavepoint},
		{"after a question", append(off[:4:4], say(query("SELECT 1")), answer(okOff)), PinSavepoint},
		{"before COMMIT", append(off[:4:4], say(query("COMMIT")), answer(okOff)), ""},
		{"before ROLLBACK", append(off[:4:4], say(query("ROLLBACK")), answer(okOff)), ""},
		{"before ROLLBACK TO", append(off[:4:4], say(query("ROLLBACK TO a")), answer(okOff)), PinSavepoint},
		{"before ROLLBACK TO that fails", append(off[:4:4], say(query("ROLLBACK TO b")), answer(failure)), PinSavepoint},
		{"before BEGIN", append(off[:4:4], say(query("BEGIN")), answer(open), say(query("ROLLBACK")), answer(okOff)), ""},
		{"before autocommit", append(off[:4:4], say(query("SET autocommit=1")), answer(ok)), ""},
		{"with its transaction", append(off[:4:4], say(query("SELECT a FROM t")), answer(open)), PinTransaction},
		{"committed", append(off[:4:4], say(query("SELECT a FROM t")), answer(open), say(query("COMMIT")), answer(okOff)), ""},
		{"in a transaction", []talk{say(query("BEGIN")), answer(open), say(query("SAVEPOINT a")), answer(open), say(query("COMMIT")), answer(ok)}, ""},
		{"with autocommit", []talk{say(query("SAVEPOINT a")), answer(ok)}, ""},
	} {
		s := run(mariadb, c.talks, 1<<20)
		pinned := s.Pinned()
		if dropped, more := s.Dropped(); pinned != c.want || dropped != c.want || more {
			t.Errorf("%s: pinned %q, dropped %q, more %v, want %q", c.name, pinned, dropped, more, c.want)
		}
	}
}

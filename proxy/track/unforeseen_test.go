package track

import (
	"fmt"
	"slices"
	"testing"

	"segue/backend/wire"
)

func schemaState(name string) string {
	return string(wire.AppendLenencString([]byte{trackSchema}, wire.AppendLenencString(nil, name)))
}

const changeState = "\x02\x02\x011" // session_track_state_change

// TestHeard: what a text says and what the server says make up what is known of the session.
func TestHeard(t *testing.T) {
	rows := func(status wire.Status) [][]byte { return [][]byte{{1}, def, eofWith(status), row, eofWith(status)} }
	for _, c := range []struct {
		name, text string
		said       [][]byte
		replay     []string
		asks       []string
		database   string
		hinted     bool
		pin        string
	}{
		{name: "a function", text: "DO f()", said: [][]byte{telling(0, 0, "", variableState("time_zone", "+03:00"))}, replay: []string{"SET time_zone='+03:00'"}},
		{name: "a literal is known", text: "SET time_zone='+03:00'", said: [][]byte{telling(0, 0, "", variableState("time_zone", "+03:00"))}, replay: []string{"SET time_zone='+03:00'"}},
		{name: "an expression", text: "SET time_zone=@x", said: [][]byte{telling(0, 0, "", variableState("time_zone", "+03:00"))}, replay: []string{"SET time_zone='+03:00'"}},
		{name: "another one behind it", text: "SET time_zone='+01:00'; DO f()", said: [][]byte{telling(0, 8, "", variableState("time_zone", "+01:00")), telling(0, 0, "", variableState("time_zone", "+03:00"))}, replay: []string{"SET time_zone='+03:00'"}},
		{name: "SET NAMES", text: "SET NAMES latin1 COLLATE latin1_bin", said: [][]byte{telling(0, 0, "", variableState("character_set_connection", "latin1"))}, replay: []string{"SET NAMES latin1 COLLATE latin1_bin"}},
		{name: "a collation", text: "SET collation_connection=latin1_bin", said: [][]byte{telling(0, 0, "", variableState("character_set_connection", "latin1"))}, replay: []string{"SET collation_connection=latin1_bin"}},
		{name: "a character set", text: "DO f()", said: [][]byte{telling(0, 0, "", variableState("character_set_connection", "latin1"))}, asks: []string{"@@session.collation_connection"}, replay: []string{"SET character_set_connection='latin1'"}},
		{name: "one that cannot be read", text: "SET character_set_client=28", said: [][]byte{telling(0, 0, "", variableState("character_set_client", "gbk"))}, replay: []string{"SET character_set_client=28"}, pin: PinCharacterSet},
		{name: "one that can", text: "SET character_set_client=8", said: [][]byte{telling(0, 0, "", variableState("character_set_client", "latin1"))}, replay: []string{"SET character_set_client=8"}},
		{
			name: "the default", text: "SET NAMES DEFAULT", said: [][]byte{telling(0, 0, "", variableState("character_set_client", "latin1")+variableState("character_set_results", "latin1")+variableState("character_set_connection", "latin1"))},
			asks: []string{"@@session.collation_connection"}, replay: []string{"SET character_set_client='latin1', character_set_results='latin1', character_set_connection='latin1'"},
		},
		{
			name: "a default that cannot be read", text: "SET CHARACTER SET DEFAULT", said: [][]byte{telling(0, 0, "", variableState("character_set_client", "gbk"))},
			asks: []string{"@@session.character_set_results", "@@session.collation_connection"}, replay: []string{"SET character_set_client='gbk'"}, pin: PinCharacterSet,
		},
		{name: "the default of the client's alone", text: "SET character_set_client=DEFAULT", said: [][]byte{telling(0, 0, "", variableState("character_set_client", "utf8mb4"))}, replay: []string{"SET character_set_client='utf8mb4'"}},
		{name: "for the statement alone", text: "SET STATEMENT time_zone='+01:00' FOR DO 1", said: [][]byte{telling(0, 0, "", variableState("time_zone", "+01:00"))}},
		{name: "a database", text: "EXECUTE IMMEDIATE 'USE e'", said: [][]byte{telling(0, 0, "", schemaState("e"))}, database: "e"},
		{name: "USE", text: "USE e", said: [][]byte{telling(0, 0, "", schemaState("e"))}, database: "e"},
		{name: "a flag", text: "SELECT f()", said: rows(0x4002), hinted: true},
		{name: "no flag", text: "SELECT f()", said: rows(2)},
		{name: "a flag, and what it was about", text: "CALL p()", said: append(rows(0x400a), telling(0, 0, "", variableState("time_zone", "+03:00"))), replay: []string{"SET time_zone='+03:00'"}, pin: PinProcedure},
		{name: "a change that nothing explains", text: "INSERT INTO t VALUES (1)", said: [][]byte{telling(0, 0, "", changeState)}, hinted: true},
		{name: "one that the text explains", text: "SET @a=1", said: [][]byte{telling(0, 0, "", changeState)}, replay: []string{"SET @a=1"}},
		{name: "a time", text: "DO f()", said: [][]byte{telling(0, 0, "", variableState("timestamp", "1.5"))}, asks: []string{"@@session.timestamp"}},
	} {
		for _, witness := range []bool{false, true} {
			s := New(Options{Dialect: MariaDB, Collation: 45, Witness: witness, Capabilities: wire.ClientProtocol41 | wire.ClientMultiStatements | wire.ClientSessionTrack}, 2)
			s.Client(say(query(c.text)).bytes())
			through(t, &s, answer(c.said...).bytes(), 1<<20)
			r := s.Replay()
			if got, want := fmt.Sprint(r.Statements, s.Unresolved(), r.Database, s.Hinted(), s.Pinned()), fmt.Sprint(c.replay, c.asks, c.database, c.hinted, c.pin); got != want || !s.Idle() {
				t.Errorf("%s: %s, want %s", c.name, got, want)
			}
		}
	}
}

func TestListed(t *testing.T) {
	name := func(n, value, kind, charset string) UserVariable {
		return UserVariable{Name: []byte(n), Value: []byte(value), Type: kind, Charset: charset}
	}
	for _, c := range []struct {
		name string
		set  string
		list []UserVariable
		asks []string
	}{
		{"nothing", "", nil, nil},
		{"a new one", "", []UserVariable{name("a", "x", "VARCHAR", "utf8mb4")}, []string{"@a"}},
		{"a literal", "SET @a='x'", []UserVariable{name("a", "x", "VARCHAR", "utf8mb4")}, nil},
		{"in another case", "SET @A='x'", []UserVariable{name("A", "x", "VARCHAR", "utf8mb4")}, nil},
		{"another value", "SET @a='x'", []UserVariable{name("a", "y", "VARCHAR", "utf8mb4")}, []string{"@a"}},
		{"another type", "SET @a='1'", []UserVariable{name("a", "1", "INT", "latin1")}, []string{"@a"}},
		{"a number", "SET @a=1", []UserVariable{name("a", "1", "INT", "latin1")}, nil},
		{"a number that is a string", "SET @a=1", []UserVariable{name("a", "1", "VARCHAR", "latin1")}, []string{"@a"}},
		{"NULL", "SET @a=1", []UserVariable{{Name: []byte("a"), Type: "INT"}}, []string{"@a"}},
		{"quotes", "SET @`a b`='x'", []UserVariable{name("a b", "x", "VARCHAR", "utf8mb4"), name("c`d", "x", "VARCHAR", "utf8mb4")}, []string{"@`c``d`"}},
		{"an expression", "SET @a=1+1", []UserVariable{name("a", "2", "INT", "latin1")}, []string{"@a"}},
		{"one that there is not", "SET @a=1+1", nil, nil},
		{"… among others", "SET @a=1+1, @b=1+1", []UserVariable{name("B", "2", "INT", "latin1")}, []string{"@b"}},
	} {
		s := session(Options{Dialect: MariaDB, Collation: 45}, c.set, "INSERT INTO t VALUES (1)")
		if !s.Stirred() || !s.Listed(c.list) || s.Stirred() {
			t.Errorf("%s: stirred %v", c.name, s.Stirred())
		}
		if got := s.Unresolved(); !slices.Equal(got, c.asks) {
			t.Errorf("%s: asks for %q, want %q", c.name, got, c.asks)
		}
	}
	s := session(Options{Dialect: MariaDB, Collation: 8}, "INSERT INTO t VALUES (1)")
	if s.Listed([]UserVariable{name("ä", "x", "VARCHAR", "utf8mb4")}) || !s.Stirred() {
		t.Error("a name in another character set than the client's is taken")
	}
}

// TestTold: the answer to Segue's own question, which sets autocommit to what it is.
func TestTold(t *testing.T) {
	s := session(Options{Dialect: MariaDB, Collation: 45, Capabilities: wire.ClientProtocol41 | wire.ClientSessionTrack}, "SELECT f()")
	if told, more := s.Told(plain(0, 0, "")); told || !more {
		t.Errorf("of nothing: told %v, more %v", told, more)
	}
	s.hinted = true
	if told, more := s.Told(telling(0, 0, "", variableState("autocommit", "ON"))); !told || more || s.Hinted() || s.held != nil {
		t.Errorf("told %v, more %v, hinted %v, %+v", told, more, s.Hinted(), s.held)
	}
	s.hinted = true
	told, more := s.Told(telling(0, 0, "", variableState("autocommit", "ON")+variableState("time_zone", "+03:00")+changeState))
	if r := s.Replay(); !told || !more || !s.Hinted() || !slices.Equal(r.Statements, []string{"SET time_zone='+03:00'"}) {
		t.Errorf("told %v, more %v, hinted %v, %q", told, more, s.Hinted(), r.Statements)
	}
	if got, _ := s.Dropped(); got != lostUnseen {
		t.Errorf("dropped %q", got)
	}
}

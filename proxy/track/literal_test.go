package track

import (
	"reflect"
	"slices"
	"testing"

	"segue/backend/wire"
)

func TestLiteral(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "_latin1 X''"}, {"a", "_latin1 X'61'"}, {"\\', @evil=42 -- ", "_latin1 X'5C272C20406576696C3D3432202D2D20'"}, {"\x00\xff", "_latin1 X'00FF'"},
	} {
		if got := Literal("latin1", []byte(c.in)); got != c.want {
			t.Errorf("%q: %s, want %s", c.in, got, c.want)
		}
	}
	for in, want := range map[string]bool{"": true, "+02:00": true, "a (b); -- c": true, "a'b": false, `a"b`: false, `a\b`: false, "a`b": false, "ä": false, "\n": false, "\x7f": false} {
		if Harmless([]byte(in)) != want {
			t.Errorf("%q: %v", in, !want)
		}
	}
}

// What was read by rules that have changed since is asked for, or pins; what reads the same under all rules is replayed as it is.
func TestRulesOfTexts(t *testing.T) {
	for _, c := range []struct {
		name  string
		texts []string
		want  []string // statements
		asked []string
		pin   string
	}{
		{"numbers and plain values stay", []string{"SET @a=1, @b=NULL, time_zone='+01:00'", "SET NAMES latin1"}, []string{"SET @a=1, @b=NULL, time_zone='+01:00', NAMES latin1"}, nil, ""},
		{"a string has a character set", []string{"SET @a='x'", "SET NAMES latin1"}, nil, []string{"@a"}, ""},
		{"… that sql_mode does not change", []string{"SET @a='x'", "SET sql_mode='PIPES_AS_CONCAT'"}, []string{"SET sql_mode='PIPES_AS_CONCAT'", "SET @a='x'"}, nil, ""},
		{"a backslash", []string{`SET @a='\\'`, "SET sql_mode='PIPES_AS_CONCAT'"}, nil, []string{"@a"}, ""},
		{"behind the rules", []string{"SET NAMES latin1", "SET @a='x', b=1"}, []string{"SET NAMES latin1, b=1", "SET @a='x'"}, nil, ""},
		{"the same again", []string{"SET NAMES latin1", "SET @a='x'", "SET NAMES latin1"}, []string{"SET NAMES latin1", "SET @a='x'"}, nil, ""},
		{"the same again, behind another", []string{"SET NAMES latin1", "SET NAMES utf8", "SET @a='x'", "SET NAMES latin1"}, nil, []string{"@a"}, ""},
		{"the same again, behind a part of it", []string{"SET NAMES latin1", "SET collation_connection=utf8_bin", "SET @a='x'", "SET NAMES latin1"}, nil, []string{"@a"}, ""},
		{"in one SET", []string{"SET NAMES latin1, @a='x', @b=2"}, nil, []string{"@a"}, ""},
		{"a chain stays together", []string{`SET init_x="a"`, "SET init_x=CONCAT(@@init_x,',b')", "SET c=1"}, []string{"SET c=1", `SET init_x="a"`, "SET init_x=CONCAT(@@init_x,',b')"}, nil, ""},
		{"a name that reads otherwise", []string{"SET @`\xe4`=1", "SET NAMES latin1"}, nil, nil, PinUnparsed},
		{"… of a value that is asked for", []string{"SET @`\xe4`=NOW()", "SET NAMES latin1"}, nil, []string{"@`\xe4`"}, PinUnparsed},
		{"a role before", []string{"SET ROLE `\xe4`", "SET NAMES latin1"}, []string{"SET ROLE `\xe4`", "SET NAMES latin1"}, nil, ""},
		{"a role behind", []string{"SET NAMES latin1", "SET ROLE `\xe4`"}, []string{"SET ROLE `\xe4`", "SET NAMES latin1"}, nil, PinUnparsed},
		{"a database behind", []string{"SET NAMES latin1", "USE `\xe4`"}, []string{"SET NAMES latin1", "USE `\xe4`"}, nil, ""},
		{"a database, then another", []string{"SET NAMES latin1", "USE `\xe4`", "USE b"}, []string{"SET NAMES latin1"}, nil, ""},
		{"a database between", []string{"SET NAMES latin1", "USE `\xe4`", "SET NAMES utf8"}, []string{"SET NAMES utf8", "USE `\xe4`"}, nil, PinUnparsed},
		{"PREPARE", []string{"PREPARE s FROM 'SELECT 1'", "SET NAMES latin1"}, []string{"SET NAMES latin1"}, nil, PinPrepareText},
		{"a client's character set by number", []string{"SET character_set_client=28"}, []string{"SET character_set_client=28"}, nil, PinCharacterSet},
		{"… or by default", []string{"SET NAMES DEFAULT"}, nil, []string{"@@session.character_set_client", "@@session.character_set_results", "@@session.collation_connection"}, PinCharacterSet},
		{"gbk goes on behind another collation", []string{"SET NAMES gbk", "SET collation_connection=utf8mb4_bin"}, []string{"SET NAMES gbk, collation_connection=utf8mb4_bin"}, nil, PinCharacterSet},
		{"gbk ends", []string{"SET NAMES gbk", "SET NAMES 'utf8mb4' COLLATE utf8mb4_bin"}, []string{"SET NAMES 'utf8mb4' COLLATE utf8mb4_bin"}, nil, ""},
		{"the time", []string{"SET timestamp=@@timestamp"}, nil, []string{"@@session.timestamp"}, ""},
	} {
		s := session(Options{}, c.texts...)
		if got := s.Unresolved(); !slices.Equal(got, c.asked) {
			t.Errorf("%s: asked %q, want %q", c.name, got, c.asked)
		}
		if got := s.Pinned(); got != c.pin {
			t.Errorf("%s: pinned %q, want %q", c.name, got, c.pin)
		}
		if got := s.Replay().Statements; len(c.asked) == 0 && c.pin != PinUnparsed && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestValueThatCannotBeSpelledPins(t *testing.T) {
	s := session(Options{}, "SET @a=NOW(), @b=NOW()")
	s.Resolved([]string{"", "'x'"})
	if s.Pinned() != PinUnparsed || len(s.Unresolved()) > 0 || s.Asking() {
		t.Errorf("pinned %q, unresolved %q", s.Pinned(), s.Unresolved())
	}
	s.Client(say(query("SET @a=1")).bytes())
	s.Server(answer(ok).bytes())
	if got := s.Replay().Statements; s.Pinned() != "" || !slices.Equal(got, []string{"SET @b='x', @a=1"}) {
		t.Errorf("pinned %q, %q", s.Pinned(), got)
	}
}

func TestReplayFitsTheModes(t *testing.T) {
	s := session(Options{}, "SET a=1", `SET @b='\\'`)
	r := s.Replay()
	if r.Plain != 1 || !r.Fits(wire.StatusAutocommit) || r.Fits(wire.StatusNoBackslashEscapes) || r.Fits(wire.StatusAnsiQuotes) {
		t.Errorf("%+v", r)
	}
}

func TestFactsAreSpelledSafely(t *testing.T) {
	fact := func(name, value string) []byte {
		state := wire.AppendLenencString([]byte{0}, wire.AppendLenencString(wire.AppendLenencString(nil, name), value))
		return (&wire.OK{Status: wire.StatusSessionStateChanged | wire.StatusAutocommit | wire.StatusNoBackslashEscapes, SessionState: state}).Append(nil, wire.ClientProtocol41|wire.ClientSessionTrack)
	}
	o := Options{Capabilities: wire.ClientProtocol41 | wire.ClientSessionTrack}
	s := run(o, []talk{say(query("SET x=@x")), answer(fact("x", "\\', @evil=42 -- "))}, 1<<20)
	if got := s.Replay().Statements; !slices.Equal(got, []string{"SET x=_utf8mb4 X'5C272C20406576696C3D3432202D2D20'"}) {
		t.Errorf("%q", got)
	}
	s = run(o, []talk{say(query("SET character_set_results=@x")), answer(fact("character_set_client", "gbk"))}, 1<<20)
	if s.Pinned() != PinCharacterSet {
		t.Errorf("pinned %q", s.Pinned())
	}
}

func TestUnsafeLoginPins(t *testing.T) {
	for id, want := range map[uint16]string{28: PinCharacterSet, 28 + 1024: PinCharacterSet, 45: "", 8: ""} {
		if s := New(Options{Collation: id}, 2); s.Pinned() != want {
			t.Errorf("%d: pinned %q", id, s.Pinned())
		}
	}
}

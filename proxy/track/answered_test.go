package track

import (
	"fmt"
	"strings"
	"testing"

	"segue/backend/wire"
)

// heard is what a Listener has heard.
type heard []string

func (h *heard) Answered(c wire.Command, ok bool) { *h = append(*h, fmt.Sprint(c, " ", ok)) }

func TestListenerHearsOfAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		talks []talk
		want  string
		left  string // what is outstanding
	}{
		{"one", []talk{say(query("SELECT 1")), answer([]byte{1}, def, eof, row, eof)}, "COM_QUERY true", ""},
		{"half of it", []talk{say(query("SELECT 1")), answer([]byte{1}, def, eof, row)}, "", "COM_QUERY"},
		{"an error", []talk{say(query("SELEC")), answer(failure)}, "COM_QUERY false", ""},
		{"an error behind rows", []talk{say(query("SELECT 1")), answer([]byte{1}, def, eof, row, failure)}, "COM_QUERY false", ""},
		{"several ahead", []talk{say(query("SELECT 1"), command(wire.ComPing, ""), query("SELECT 2")), answer(ok), answer(ok)}, "COM_QUERY true, COM_PING true", "COM_QUERY"},
		{"a COM_QUIT is never answered", []talk{say(statement(wire.ComStmtClose, 1), command(wire.ComQuit, ""))}, "", "COM_QUIT"},
		{"prepared", knownStatement(say(statement(wire.ComStmtExecute, 1)), answer(ok)), "COM_STMT_PREPARE true, COM_STMT_EXECUTE true", ""},
	} {
		s := New(Options{}, wire.StatusAutocommit)
		var h heard
		for _, talk := range c.talks {
			if b := talk.bytes(); talk.server {
				s.ServerTo(&h, b)
			} else {
				s.Client(b)
			}
		}
		if got := strings.Join(h, ", "); got != c.want {
			t.Errorf("%s: heard %q, want %q", c.name, got, c.want)
		}
		var left []string
		s.EachOutstanding(func(c wire.Command) { left = append(left, c.String()) })
		if got := strings.Join(left, ", "); got != c.left {
			t.Errorf("%s: outstanding %q, want %q", c.name, got, c.left)
		}
	}
}

// What Segue asks by itself is nobody's statement.
func TestListenerHearsNothingOfSeguesOwn(t *testing.T) {
	s := New(Options{}, wire.StatusAutocommit)
	var h heard
	s.Own(wire.ComPing)
	s.EachOutstanding(func(c wire.Command) { t.Error("outstanding:", c) })
	s.Client(say(query("SELECT 1")).bytes())
	b := append(answer(ok).bytes(), answer(failure).bytes()...)
	n, _ := s.ServerTo(&h, b)
	if len(h) > 0 {
		t.Errorf("heard of %v", h)
	}
	s.ServerTo(&h, b[n:])
	if got := fmt.Sprint(h); got != "[COM_QUERY false]" {
		t.Error(got)
	}
}

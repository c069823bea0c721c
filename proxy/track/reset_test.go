package track

import (
	"slices"
	"testing"

	"segue/backend/wire"
)

// What has come of a command survives the answer to the one ahead of it that makes a new session.
func TestCommandThatComesWhileTheSessionIsMadeNew(t *testing.T) {
	for _, c := range [...][]byte{command(wire.ComResetConnection, ""), command(wire.ComChangeUser, "u\x00\x00\x00"), command(wire.ComChangeUser, "v\x00\x00\x00")} {
		s := New(Options{User: "u"}, 2)
		b := say(c, query("SET @a='longer than what a framer gathers'")).bytes()
		cut := len(b) - 3
		s.Client(b[:cut])
		s.Server(answer(ok).bytes())
		s.Client(b[cut:])
		s.Server(answer(ok).bytes())
		if got := s.Replay().Statements; !slices.Equal(got, []string{"SET @a='longer than what a framer gathers'"}) {
			t.Errorf("%v: %q", wire.Command(c[0]), got)
		}
	}
}

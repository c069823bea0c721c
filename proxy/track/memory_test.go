package track

import (
	"fmt"
	"strings"
	"testing"

	"segue/backend/wire"
)

// The statement caches of drivers fit: Connector/J's of 250 statements of 2 KB, and thousands of some KB.
func TestStatementCachesFit(t *testing.T) {
	for _, c := range []struct{ n, size int }{{250, 1120}, {250, 2048}, {5000, 4096}} {
		s := New(Options{Memory: NewMemory(512 << 20)}, 2)
		for id := range c.n {
			s.Client(say(command(wire.ComStmtPrepare, fmt.Sprintf("SELECT %d, '%s'", id, strings.Repeat("x", c.size)))).bytes())
			s.Server(answer(preparedAs(uint32(id + 1))).bytes())
		}
		if s.Pinned() != "" || len(s.Replay().Prepared) != c.n {
			t.Errorf("%d statements of %d bytes: pinned %q", c.n, c.size, s.Pinned())
		}
	}
}

// All sessions together keep no more than the owner grants, but for what each may keep; and what they kept is given back.
func TestMemoryIsShared(t *testing.T) {
	m := NewMemory(1 << 20)
	greedy, modest := New(Options{Memory: m}, 2), New(Options{Memory: m}, 2)
	prepare := func(s *State, id int, text string) {
		s.Client(say(command(wire.ComStmtPrepare, text)).bytes())
		s.Server(answer(preparedAs(uint32(id))).bytes())
	}
	for id := 1; id <= 100; id++ {
		prepare(&greedy, id, fmt.Sprintf("SELECT %d, '%s'", id, strings.Repeat("x", 50_000)))
	}
	if greedy.Pinned() != PinTooLarge || m.Used() > 1<<20+100*preparedSize+60_000 {
		t.Errorf("pinned %q, with %d bytes kept", greedy.Pinned(), m.Used())
	}
	if greedy.Lasting() {
		t.Error("a session ends because its statements are too many")
	}
	prepare(&modest, 1, "SELECT 1")
	if modest.Pinned() != "" {
		t.Errorf("another session is pinned %q", modest.Pinned())
	}
	if dropped, _ := greedy.Dropped(); dropped != "" || greedy.Pinned() != "" {
		t.Errorf("its backend lost: dropped %q, pinned %q", dropped, greedy.Pinned())
	}
	greedy.Moved(Options{}, 2, make([]uint32, len(greedy.Replay().Prepared)))
	if id := greedy.rewrite(say(execute(99, false)).bytes()).server; id != nowhere {
		t.Errorf("a statement that was not kept is executed as %d", id)
	}
	greedy.Release()
	if modest.Release(); m.Used() != 0 {
		t.Errorf("%d bytes are kept for nobody", m.Used())
	}
}

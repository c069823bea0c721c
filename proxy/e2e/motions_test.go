package e2e

// motion is a Segue that gives its sessions no rest, built for tests alone: the program has no setting for what nobody would want of it. Sessions go the
// ways that they always go; only the reason to is another.
type motion struct {
	name  string
	edits []edit
}

// The names of the motions.
const (
	moved = "moved after every statement"
	cut   = "cut off after every third statement"
)

// motions are those there are.
func motions() []motion {
	return []motion{{moved, restless()}, {cut, bereft()}}
}

// restless has each session told at all times to go to another backend, once a statement has run on the one that it is on.
func restless() []edit {
	return []edit{
		{"notice.go", "{ return n.intent != nil || n.shift != nil }", "{ return true }"},
		{"session.go", "	pinned  int64 //", "	fresh   bool\n	pinned  int64 //"},
		{"departure_end.go", "	s.past.threads.moves++\n", "	s.past.threads.moves++\n	s.past.fresh = true\n"},
		{"session.go", "	case to == Busy:\n", "	case to == Busy:\n		s.past.fresh = false\n"},
		{"boundary.go", "return s.notice.wants() && s.ties().CanMove()", "return !s.past.fresh && s.ties().CanMove()"},
		// It goes in one go: a login ahead would have the next statement go where it is.
		{"ahead.go", "if s.notice.tries.restive ||", "if true ||"},
		// A statement that is quicker than the move does not overtake it.
		{"command_facts.go", "d.Told = told && s.track.Recent() && look.Whole", "d.Told = told && look.Whole"},
	}
}

// bereft has each session lose its backend's connection without a word: with the end of every third answer, or the first one from there on after which the
// backend knows nothing of it that counts and Segue does not, which Segue asks for soon. What a loss costs beyond that is not this test's subject.
func bereft() []edit {
	return []edit{
		{"session.go", "	pinned  int64 //", "	answers int\n	pinned  int64 //"},
		{"down.go", `	"strings"` + "\n", `	"strings"` + "\n" + `	"syscall"` + "\n"},
		{
			"down.go", "	if end == stays {\n		s.client.goOn()",
			`	if s.track.Outstanding() == 0 {
		s.past.answers++
	}
	if s.past.answers >= 3 && s.errand == nil && s.state == Idle && !s.track.Recent() && s.ties().Rebuildable() && s.back != nil {
		switch {
		case s.unjudged():
			_ = s.judgeFirst()
		case s.track.Asking():
			s.asked = 0
			(&inquiry{s: s}).begin()
		case len(s.track.Unresolved()) == 0:
			s.past.answers = 0
			_ = s.back.conn.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_RDWR) })
		}
	}
	if end == stays {
		s.client.goOn()`,
		},
	}
}

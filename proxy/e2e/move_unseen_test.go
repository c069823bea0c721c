package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
)

// TestUnseenOutlivesACrash: what a trigger and a stored function have done to a session is on the other server, though the one that knew it is killed. These servers tell
// of all their variables, and that some user variable has changed.
func TestUnseenOutlivesACrash(t *testing.T) {
	f := startMariaDBs(t, "session_track_system_variables=*", "session_track_state_change=1")
	v := &verdictTrial{fleet: f, dialect: "MySQL", program: startProgram(t, f.flavor(), f.specs())}
	for _, db := range v.admins(t) {
		for text := range strings.SplitSeq("CREATE DATABASE IF NOT EXISTS v;"+unforeseenPrograms, ";\n") {
			if _, err := db.ExecContext(t.Context(), strings.TrimSpace(text)); err != nil {
				t.Fatalf("fill server: %v", err)
			}
		}
		_ = db.Close()
	}
	s := v.connect(t)
	defer s.close()
	s.mustRun(t, "SELECT zones('+03:00')")
	s.mustRun(t, "INSERT INTO trg VALUES (1)")
	s.mustRun(t, "SELECT assigns(5)")
	const probe = "SELECT @a, @b, HEX(@c), HEX(@d), @e, @w, @@time_zone LIMIT 1"
	before := s.value(t, probe)
	since := s.info(t).Since
	waitFor(t, "the question of what has changed", func() bool {
		now := s.info(t)
		return now.State == "idle" && now.Since.After(since.Add(time.Microsecond))
	})
	home := s.info(t).Backend
	i := slices.IndexFunc(f.specs(), func(b backend.Spec) bool { return b.Name == home })
	if err := f.kill(i); err != nil {
		t.Fatal(err)
	}
	if after := s.value(t, probe); after != before {
		t.Errorf("%s, now %s", before, after)
	}
	if now := s.info(t); now.Moves == 0 {
		t.Errorf("it has not moved: %+v", now)
	}
}

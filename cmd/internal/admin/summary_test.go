package admin

import (
	"testing"
	"time"

	"segue/backend"
	proxy "segue/proxy"
)

func TestSummary(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	up := func(name string) Backend { return Backend{Name: name, Health: backend.Up} }
	down := Backend{Name: "fe-3", Health: backend.Down, Cause: "mysql refused"}
	leaving := Backend{Name: "fe-2", Health: backend.Stopping, Cause: "/api/health 500"}
	drained := Backend{Name: "fe-1", Health: backend.Up, Admin: backend.Drain}
	full := Backend{Name: "fe-1", Health: backend.Up, Full: true, Cause: "1040 too many connections"}
	long := now.Add(-3 * time.Hour)
	for _, c := range []struct {
		of    wellbeing
		level Level
		text  string
	}{
		{
			wellbeing{began: long, backends: []Backend{up("fe-1"), up("fe-2"), up("fe-3")}, sessions: 40, hidden: 85},
			Well,
			"Clients are well: all 3 backends take sessions, 40 sessions are open, no client saw a backend fail in the last hour, and 85 failures were hidden from them.",
		},
		{
			wellbeing{began: now.Add(-150 * time.Second), backends: []Backend{up("fe-1")}, sessions: 1},
			Well,
			"Clients are well: fe-1, the only backend, takes sessions, 1 session is open, no client saw a backend fail in the 2 minutes since the start, and none had to be hidden from them.",
		},
		{
			wellbeing{began: now.Add(-time.Second), backends: []Backend{up("fe-1"), up("fe-2"), down}, hidden: 1},
			Care,
			"Clients are well: 2 of 3 backends take sessions (fe-3 is down: mysql refused), 0 sessions are open, no client saw a backend fail in the minute since the start, and 1 failure was hidden from them.",
		},
		{
			wellbeing{began: long, backends: []Backend{up("fe-1"), leaving, down}, sessions: 7, seen: 2},
			Care,
			"Clients are well, but there is one backend left: one of 3 backends takes sessions (fe-2 is stopping: /api/health 500; fe-3 is down: mysql refused), 7 sessions are open, " +
				"2 failures were seen by clients in the last hour and none in the last 5 minutes, and none had to be hidden from them.",
		},
		{
			wellbeing{began: long, backends: []Backend{full, up("fe-2")}, sessions: 7},
			Care,
			"Clients are well, but there is one backend left: one of 2 backends takes sessions (fe-1 is full: 1040 too many connections), 7 sessions are open, " +
				"no client saw a backend fail in the last hour, and none had to be hidden from them.",
		},
		{
			wellbeing{began: long, backends: []Backend{drained, up("fe-2"), up("fe-3")}, sessions: 7, seenLately: 1, seen: 9, hidden: 2},
			Trouble,
			"Clients saw 1 failure in the last 5 minutes; 2 of 3 backends take sessions (fe-1 is in drain), 7 sessions are open, and 2 failures were hidden from them.",
		},
		{
			wellbeing{began: long, backends: []Backend{drained, leaving, down, down, down}, sessions: 7, seenLately: 4},
			Trouble,
			"Clients wait: none of 5 backends takes a session (fe-1 is in drain; fe-2 is stopping: /api/health 500; fe-3 is down: mysql refused; and 2 more); 7 sessions are open.",
		},
		{wellbeing{began: long, backends: []Backend{down}, sessions: 1}, Trouble, "Clients wait: the only backend takes no session (fe-3 is down: mysql refused); 1 session is open."},
		{wellbeing{}, Trouble, "There is no backend: clients wait."},
		{
			wellbeing{backends: []Backend{down}, seenLately: 3, paused: &proxy.Pause{Until: now.Add(90 * time.Second), Held: 1, Busy: 2}},
			Care,
			"Statements are held on purpose, for another 1m30s at most: one waits, and 2 sessions are still at work.",
		},
		{wellbeing{stopping: true, sessions: 2, backends: []Backend{up("fe-1")}}, Care, "This Segue has been asked to stop, and takes clients for a while yet: 2 sessions are open."},
		{wellbeing{draining: true, stopping: true, sessions: 1, backends: []Backend{down}}, Care, "This Segue is stopping: it takes no more clients, and 1 session is left."},
	} {
		c.of.now = now
		if got := c.of.summary(); got.Level != c.level || got.Text != c.text {
			t.Errorf("%s: %s\nwant %s: %s", got.Level, got.Text, c.level, c.text)
		}
	}
}

package top

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"segue/backend"
	"segue/bench/typeset"
	"segue/cmd/internal/admin"
)

// rows are those of a table, as they are shown at a moment.
func (m *Model) rows(of int, now time.Time) []row {
	if m.facts == nil {
		return nil
	}
	var rows []row
	if of == ofBackends {
		for _, b := range m.facts.Backends {
			rows = append(rows, m.backendRow(b, now))
		}
	} else {
		for _, s := range m.facts.Sessions {
			rows = append(rows, sessionRow(s, now))
		}
	}
	return m.tables[of].arrange(rows)
}

func (m *Model) backendRow(b admin.Backend, now time.Time) row {
	c := m.facts.Counts[b.Name]
	moves := ""
	if c.Came+c.Went > 0 {
		moves = fmt.Sprintf("+%.0f -%.0f", c.Came, c.Went)
	}
	r := rateOf(m.past, b.Name).cells()
	return row{id: b.Name, cells: []cell{
		{text: show(b.Name)},
		{text: b.Health.String(), style: healthStyle(b.Health)},
		{text: b.Admin.String(), style: adminStyle(b.Admin)},
		number(b.Sessions), r[0], r[1], r[2], number(m.pinned[b.Name]),
		{text: cmp.Or(moves, "-"), rank: c.Came + c.Went},
		age(now, b.Since), orNone(b.Role), orNone(b.Zone), orNone(b.Version),
		{text: show(b.Address)},
		{text: show(b.Cause)},
	}}
}

func orNone(text string) cell { return cell{text: cmp.Or(show(text), "-")} }

// countPinned counts the sessions that cannot leave their backend just now, by its name.
func countPinned(sessions []admin.Session) map[string]int {
	n := map[string]int{}
	for _, s := range sessions {
		if s.Pinned != "" || len(s.Differs) > 0 {
			n[s.Backend]++
		}
	}
	return n
}

func healthStyle(h backend.Health) Style {
	switch h {
	case backend.Up:
		return Good
	case backend.Down:
		return Bad
	case backend.Stopping, backend.Unknown:
		return Warn
	}
	return Plain
}

func adminStyle(a backend.Admin) Style {
	if a == backend.Ready {
		return Plain
	}
	return Warn
}

func sessionRow(s admin.Session, now time.Time) row {
	process := "-"
	if s.Process != 0 {
		process = strconv.Itoa(int(s.Process))
	}
	pin := show(s.Pinned)
	switch {
	case pin == "" && len(s.Differs) > 0:
		pin = "differs: " + show(strings.Join(s.Differs, ", "))
	case pin != "" && !s.PinnedSince.IsZero():
		pin += " " + typeset.Age(now.Sub(s.PinnedSince))
	}
	return row{id: fmt.Sprintf("%d of %d", s.ID, s.Process), of: s.Backend, cells: []cell{
		number(int(s.ID)),
		{text: show(s.Client)},
		orNone(s.User),
		orNone(s.Backend),
		{text: show(s.State)},
		age(now, s.Since),
		number(s.Moves),
		{text: process, rank: float64(s.Process)},
		{text: pin},
	}}
}

func number(n int) cell { return cell{text: strconv.Itoa(n), rank: float64(n)} }

// age is how long ago t was; sorted the shortest first.
func age(now, t time.Time) cell {
	if t.IsZero() {
		return cell{text: "-"}
	}
	return cell{text: typeset.Age(now.Sub(t)), rank: now.Sub(t).Seconds()}
}

package top

import (
	"fmt"
	"strings"
	"time"

	"segue/backend/wire"
	"segue/bench/typeset"
	"segue/cmd/internal/admin"
	"segue/proxy/ledger"
)

// The smallest screen on which anything can be read.
const (
	leastColumns = 40
	leastRows    = 10
)

// View is the screen: exactly so many lines, none wider than so many columns.
func (m *Model) View(now time.Time, columns, rows int) []Line {
	var lines []Line
	switch {
	case columns < leastColumns || rows < leastRows:
		lines = []Line{{{fmt.Sprintf("too small: %dx%d is needed; q: quit", leastColumns, leastRows), Plain}}}
	case m.mode == helping:
		lines = help(rows)
	case m.facts == nil:
		lines = []Line{{{"waiting for " + m.At + " …", Plain}}}
	default:
		lines = m.screen(now, columns, rows)
	}
	for i := range lines {
		lines[i] = lines[i].fit(max(0, columns))
	}
	for len(lines) < rows {
		lines = append(lines, nil)
	}
	return lines[:max(0, rows)]
}

// screen is what is seen for the most part: how Segue is, the backends, the sessions, and a line about keys.
func (m *Model) screen(now time.Time, columns, rows int) (lines []Line) {
	prompt := m.prompt(now)
	if m.still {
		now = m.stillAt
	}
	lines = append(lines, m.summary(now), m.traffic(), m.banner(now))
	backends, sessions := m.rows(ofBackends, now), m.rows(ofSessions, now)
	room := rows - len(lines) - 1 // the last line
	high := min(len(backends)+2, max(4, (room-1)/2))
	if m.focus == ofBackends { // they get what the sessions do not need
		high = min(len(backends)+2, max(high, room-len(sessions)-2))
	}
	lines = append(lines, m.part(ofBackends, backends, columns, high)...)
	lines = append(lines, m.part(ofSessions, sessions, columns, room-high)...)
	for len(lines) < rows-1 {
		lines = append(lines, nil)
	}
	return append(lines[:rows-1], prompt)
}

// part is one table below a line that says what of it is shown.
func (m *Model) part(of int, rows []row, columns, height int) []Line {
	if height < 3 {
		return nil
	}
	t, all := m.tables[of], len(m.facts.Backends)
	if of == ofSessions {
		all = len(m.facts.Sessions)
	}
	head := fmt.Sprintf("%s %s", typeset.Count(all), t.name)
	if all == 1 {
		head = strings.TrimSuffix(head, "s")
	}
	if t.filter != "" || t.of != "" {
		head = fmt.Sprintf("%s of %s", typeset.Count(len(rows)), head)
	}
	if t.of != "" {
		head += " on " + show(t.of)
	}
	if t.filter != "" {
		head += fmt.Sprintf(" with %q", t.filter)
	}
	if t.sort >= 0 {
		head += ", by " + t.columns[t.sort].title
		if t.down {
			head += ", the highest first"
		}
	}
	marker := "  "
	if m.focus == of {
		marker = "> "
	}
	lines := []Line{{{marker + head, Bold}}}
	return append(lines, t.lines(rows, columns, height-1, m.focus == of, m.failed != nil)...)
}

// summary says which Segue this is, and how.
func (m *Model) summary(now time.Time) Line {
	s := m.facts.Status
	ready := Span{"ready", Good}
	if !s.Ready {
		ready = Span{"not ready", Bad}
	}
	state := Plain
	if s.State != admin.Serving {
		state = Warn
	}
	return Line{
		{"segue " + show(s.Version), Bold},
		{fmt.Sprintf(" for %s at %s: ", s.Flavor, show(m.At)), Plain},
		{show(string(s.State)), state},
		{" for " + typeset.Age(now.Sub(s.Started)) + ", ", Plain},
		ready,
	}
}

// traffic says how much there is, and what has failed.
func (m *Model) traffic() Line {
	s := m.facts.Status
	usable := Plain
	switch {
	case s.Backends.Usable == 0:
		usable = Bad
	case s.Backends.Usable < s.Backends.Total:
		usable = Warn
	}
	seen, hidden := failures(s.Failures)
	seenStyle := Good
	if seen > 0 {
		seenStyle = Bad
	}
	return Line{
		{fmt.Sprintf("%d of %d usable", s.Backends.Usable, s.Backends.Total), usable},
		sessions(s),
		loads(s),
		{m.all(), Plain},
		{"  errors clients saw: ", Plain},
		{typeset.Count(int(seen)), seenStyle},
		{", hidden: " + typeset.Count(int(hidden)), Plain},
	}
}

// crowded is from how much of the sessions on that there may be it is worth a word how many that is.
const crowded = 0.8

// sessions says how many there are.
func sessions(s admin.Status) Span {
	text := "  " + typeset.Plural(s.Sessions, "session")
	if float64(s.Sessions) >= crowded*float64(s.MaxSessions) {
		return Span{text + " of at most " + typeset.Count(s.MaxSessions), Warn}
	}
	return Span{text, Plain}
}

// loads says how many loads over HTTP are in flight, where any are served.
func loads(s admin.Status) Span {
	if s.LoadListen == "" && s.Loads == 0 {
		return Span{}
	}
	return Span{"  " + typeset.Plural(s.Loads, "load"), Plain}
}

// all says how many statements are answered, on all backends together.
func (m *Model) all() string {
	sum, known := 0.0, false
	for _, b := range m.facts.Backends {
		r := rateOf(m.past, b.Name)
		sum, known = sum+r.perSecond, known || r.known
	}
	if !known {
		return ""
	}
	return "  " + perSecond(sum) + " statements/s"
}

// failures are those that clients have seen, and those that were hidden from them.
func failures(counts []ledger.Count) (seen, hidden uint64) {
	for _, c := range counts {
		if c.Action == ledger.Seen {
			seen += c.Count
		} else {
			hidden += c.Count
		}
	}
	return seen, hidden
}

// banner says what is out of the ordinary, the worst of it.
func (m *Model) banner(now time.Time) Line {
	s := m.facts.Status
	switch p := s.Paused; {
	case m.failed != nil:
		return Line{{fmt.Sprintf("No answer for %s: %s. What stands here is of %s; asking again.",
			typeset.Age(now.Sub(m.failedAt)), wire.Shown(m.failed.Error(), 200), m.facts.At.Local().Format(time.TimeOnly)), Bad}}
	case p != nil:
		return Line{{fmt.Sprintf("Paused by an operator for %s, until %s at most: %s held, %s at work; `segue resume` ends it.", typeset.Age(now.Sub(p.Since)),
			p.Until.Local().Format(time.TimeOnly), typeset.Plural(p.Held, "statement"), typeset.Plural(p.Busy, "session")), Warn}}
	case !s.Config.Successful:
		return Line{{"The last change of the configuration was refused; `segue status` says why.", Warn}}
	case len(s.Others) > 0:
		return Line{{others(s.Others), Plain}}
	case len(s.Accounts) > 0:
		a := s.Accounts[0]
		return Line{{fmt.Sprintf("Account %s waits on %s: %s", show(a.User), show(a.Backend), show(a.Cause)), Warn}}
	}
	return nil
}

// others says that sessions are left on Segues that have been taken over from.
func others(list []admin.Process) string {
	n := 0
	for _, o := range list {
		n += o.Sessions
	}
	return fmt.Sprintf("Of the sessions %s on %s that this one has taken over from.", typeset.Count(n), typeset.Plural(len(list), "Segue"))
}

// noticeTime is how long the outcome of something is shown.
const noticeTime = 30 * time.Second

// prompt is the last line: a question, what is typed, what has come of it, or the keys.
func (m *Model) prompt(now time.Time) Line {
	switch {
	case m.mode == asking:
		return Line{{m.text + " [y/N] ", Warn}, {m.why, Plain}}
	case m.mode == filtering:
		return Line{{"filter " + m.tables[m.focus].name + ": ", Bold}, {show(m.tables[m.focus].filter), Plain}, {" ", Chosen}, {"  Enter keeps it, Escape does not", Dim}}
	case m.notice != "" && now.Sub(m.noticeAt) < noticeTime:
		return Line{{m.notice, m.noticeOf}}
	case m.still:
		return Line{{"STILL: space goes on", Warn}, {"  ?:help  q:quit", Dim}}
	}
	keys := "?:help q:quit tab:sessions d:drain r:ready m:maint s:sort /:filter space:still"
	if m.focus == ofSessions {
		keys = "?:help  q:quit  tab:backends  s:sort  R:reverse  /:filter  space:still"
	}
	return Line{{keys, Dim}}
}

// help is what the keys do.
func help(rows int) (lines []Line) {
	for _, k := range []struct{ keys, what string }{
		{"Tab", "from the backends to the sessions, and back"},
		{"Up Down PgUp PgDn", "choose another row; k j, and g G for the first and the last"},
		{"d", "drain the chosen backend: no new session, its own leave it"},
		{"r", "ready: let it take sessions again"},
		{"m", "maint: as drain, and it is expected to be off"},
		{"Enter", "on a backend: its sessions"},
		{"s S", "sort by the next column, or the one before"},
		{"R", "sort the other way round"},
		{"/", "show rows that have these words alone; Escape shows all"},
		{"space", "hold still what is shown, and go on"},
		{"Ctrl-L", "draw everything again"},
		{"q Ctrl-C", "quit; Ctrl-Z stops, as elsewhere"},
	} {
		lines = append(lines, Line{{fmt.Sprintf("  %-18s ", k.keys), Bold}, {k.what, Plain}})
	}
	lines = append([]Line{{{"segue top", Bold}}, nil}, lines...)
	lines = append(lines, nil, Line{{"STMT/S P50 P99  statements answered per second, and the time half and 99 in 100 took", Plain}}, Line{{"MOVES  sessions that have moved to a backend (+) and away from it (-)", Plain}},
		Line{{"PINNED sessions that cannot move just now; below, why", Plain}})
	lines = lines[:min(len(lines), rows-1)]
	return append(lines, Line{{"any key goes on", Dim}})
}

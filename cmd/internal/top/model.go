package top

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/bench/typeset"
	"segue/cmd/internal/admin"
)

// Model is what is shown, and what has been typed so far.
type Model struct {
	At string // where the admin API is

	facts    *Facts         // the latest; nil: none has come yet
	past     []moment       // of the last seconds, of the same process
	pinned   map[string]int // countPinned of facts
	failed   error          // of the latest question; nil: it was answered
	failedAt time.Time

	notice   string // the outcome of what was done last
	noticeAt time.Time
	noticeOf Style

	mode    mode
	still   bool // what is shown stays as it is
	stillAt time.Time
	pasting bool
	focus   int // of tables
	tables  [2]*table
	undo    string // the filter, while another is typed
	ask     Steer  // what waits for a yes
	text    string // how it is asked for
	why     string // what there is to know before the answer
}

// mode is what keys mean.
type mode uint8

const (
	browsing  mode = iota
	filtering      // a filter is typed
	asking         // y does what is asked, anything else does not
	helping        // any key ends the help
)

// The tables.
const (
	ofBackends = iota
	ofSessions
)

// Steer is something to be done with a backend.
type Steer struct {
	Name  string
	To    backend.Admin
	Force bool // also if it is the last one that is usable
}

// Action is what a key wants done beyond the screen. The zero value is nothing.
type Action struct {
	Quit    bool
	Suspend bool // as Ctrl-Z does elsewhere
	Redraw  bool // somebody else has written to the terminal
	Steer   *Steer
}

// New makes one that has yet to hear from the admin API.
func New(at string) *Model {
	m := &Model{At: at}
	m.tables[ofBackends] = &table{name: "backends", sort: -1, columns: []column{
		{title: "BACKEND", most: 24},
		{title: "HEALTH"},
		{title: "ADMIN"},
		{title: "SESSIONS", right: true},
		{title: "STMT/S", right: true},
		{title: "P50", right: true, drop: 4},
		{title: "P99", right: true, drop: 1},
		{title: "PINNED", right: true, drop: 5},
		{title: "MOVES", drop: 3},
		{title: "SINCE", right: true, drop: 2},
		{title: "ROLE", drop: 6, maybe: true},
		{title: "ZONE", drop: 7, maybe: true, most: 12},
		{title: "VERSION", drop: 8, maybe: true, most: 16},
		{title: "ADDRESS", drop: 9, most: 40},
		{title: "CAUSE", rest: true},
	}}
	m.tables[ofSessions] = &table{name: "sessions", sort: -1, columns: []column{
		{title: "ID", right: true},
		{title: "CLIENT", most: 30},
		{title: "USER", most: 20},
		{title: "BACKEND", most: 20},
		{title: "STATE"},
		{title: "SINCE", right: true},
		{title: "MOVES", right: true, drop: 1},
		{title: "PROCESS", right: true, drop: 4, maybe: true},
		{title: "PINNED", rest: true},
	}}
	return m
}

// Still tells whether what is shown is to stay as it is.
func (m *Model) Still() bool { return m.still }

// Hear takes an answer of the admin API, or that there was none.
func (m *Model) Hear(now time.Time, f *Facts, err error) {
	if m.still {
		return
	}
	if err != nil {
		if m.failed == nil {
			m.failedAt = now
		}
		m.failed = err
		return
	}
	switch {
	case m.facts != nil && !m.facts.Status.Started.Equal(f.Status.Started):
		m.tell(now, Warn, fmt.Sprintf("Segue has been restarted: another process answers, since %s", f.Status.Started.Local().Format(time.TimeOnly)))
		m.past = nil
	case m.failed != nil:
		m.tell(now, Good, fmt.Sprintf("Segue answers again, after %s", typeset.Age(now.Sub(m.failedAt))))
		m.past = nil
	}
	m.failed, m.facts, m.pinned, m.past = nil, f, countPinned(f.Sessions), since(m.past, moment{f.At, f.Counts})
	m.tables[ofBackends].keep(m.rows(ofBackends, now))
	m.tables[ofSessions].keep(m.rows(ofSessions, now))
}

func (m *Model) tell(now time.Time, style Style, text string) {
	m.notice, m.noticeAt, m.noticeOf = text, now, style
}

// Steered takes what has come of a Steer.
func (m *Model) Steered(now time.Time, s Steer, b admin.Backend, err error) {
	refused, isRefused := errors.AsType[*admin.Error](err)
	switch {
	case err == nil:
		m.tell(now, Good, fmt.Sprintf("%s: %s, %s, %s", show(b.Name), b.Admin, b.Health, typeset.Plural(b.Sessions, "session")))
	case isRefused && refused.Code == http.StatusConflict && !s.Force && m.mode == browsing:
		s.Force = true
		m.question(s, fmt.Sprintf("%s %s all the same?", title(s.To), show(s.Name)), "It is the last one that is usable: clients would wait.")
	default:
		m.tell(now, Bad, fmt.Sprintf("%s %s: %s", s.To, show(s.Name), show(err.Error())))
	}
}

func (m *Model) question(s Steer, text, why string) {
	m.mode, m.ask, m.text, m.why = asking, s, text, why
}

// Press takes a key.
func (m *Model) Press(now time.Time, k Key) Action {
	switch {
	case k == Interrupt:
		return Action{Quit: true}
	case k == Suspend:
		return Action{Suspend: true}
	case k == Redraw:
		return Action{Redraw: true}
	case k == PasteBegins, k == PasteEnds:
		m.pasting = k == PasteBegins
		return Action{}
	case m.mode == filtering:
		m.write(k)
		return Action{}
	case m.pasting:
		return Action{}
	case m.mode == helping:
		m.mode = browsing
		return Action{}
	case m.mode == asking:
		return m.answer(now, k)
	}
	return m.browse(now, k)
}

// answer takes the key that answers a question.
func (m *Model) answer(now time.Time, k Key) Action {
	m.mode = browsing
	if k != "y" && k != "Y" {
		m.tell(now, Plain, "nothing has been done")
		return Action{}
	}
	s := m.ask
	m.tell(now, Plain, fmt.Sprintf("%s %s …", s.To, show(s.Name)))
	return Action{Steer: &s}
}

// write takes a key of a filter.
func (m *Model) write(k Key) {
	t := m.tables[m.focus]
	switch {
	case k == Enter && !m.pasting:
		m.mode = browsing
	case k == Escape:
		t.filter, m.mode = m.undo, browsing
	case k == Erase:
		t.filter = ""
	case k == Backspace:
		r := []rune(t.filter)
		t.filter = string(r[:max(0, len(r)-1)])
	case k.letter() && len(t.filter) < 200:
		t.filter += string(k)
	}
}

// page is how far a page key goes.
const page = 10

// browse takes a key that is a command.
func (m *Model) browse(now time.Time, k Key) Action {
	t := m.tables[m.focus]
	rows := m.rows(m.focus, now)
	move := func(by int) { t.move(rows, by) }
	switch k {
	case "q", "Q":
		return Action{Quit: true}
	case "?", "h":
		m.mode = helping
	case " ":
		m.still, m.stillAt = !m.still, now
	case Tab, BackTab:
		m.focus = 1 - m.focus
	case Up, "k":
		move(-1)
	case Down, "j":
		move(1)
	case PageUp:
		move(-page)
	case PageDown:
		move(page)
	case Home, "g":
		move(-len(rows))
	case End, "G":
		move(len(rows))
	case "s", ">":
		t.nextSort(1)
	case "S", "<":
		t.nextSort(-1)
	case "R":
		t.down = !t.down
	case "/":
		m.mode, m.undo = filtering, t.filter
	case Escape:
		t.filter, t.of, m.notice = "", "", ""
	case Enter:
		m.follow(rows)
	case "d":
		m.steer(now, rows, backend.Drain)
	case "r":
		m.steer(now, rows, backend.Ready)
	case "m":
		m.steer(now, rows, backend.Maint)
	default: // it means nothing
	}
	return Action{}
}

// follow shows the sessions of the chosen backend.
func (m *Model) follow(rows []row) {
	if m.focus != ofBackends || len(rows) == 0 {
		return
	}
	m.focus = ofSessions
	m.tables[ofSessions].filter, m.tables[ofSessions].of = "", rows[m.tables[ofBackends].at(rows)].id
}

// steer asks whether to do something with the chosen backend.
func (m *Model) steer(now time.Time, rows []row, to backend.Admin) {
	switch {
	case m.focus != ofBackends:
		m.tell(now, Plain, "choose a backend first: the tab key leads to them")
		return
	case len(rows) == 0:
		m.tell(now, Plain, "there is no backend here")
		return
	case m.failed != nil:
		m.tell(now, Bad, "Segue does not answer: nothing can be done now")
		return
	}
	name := rows[m.tables[ofBackends].at(rows)].id
	for _, b := range m.facts.Backends {
		if b.Name != name {
			continue
		}
		if b.Admin == to {
			m.tell(now, Plain, fmt.Sprintf("%s: %s already", show(name), to))
			return
		}
		m.question(Steer{Name: name, To: to}, fmt.Sprintf("%s %s?", title(to), show(name)), meaning(b, to))
	}
}

// meaning says what comes of it.
func meaning(b admin.Backend, to backend.Admin) string {
	if to == backend.Ready {
		return "It takes sessions again, as its health allows."
	}
	text := "It gets no new session"
	switch b.Sessions {
	case 0:
		text += "; it has none."
	case 1:
		text += ", and the one it has leaves it."
	default:
		text += fmt.Sprintf(", and the %d it has leave it.", b.Sessions)
	}
	return text
}

func title(a backend.Admin) string {
	word := a.String()
	return strings.ToUpper(word[:1]) + word[1:]
}

// show makes a text of the admin API fit for a terminal: a server or a client may have had a say in it.
func show(text string) string { return wire.Shown(text, 4*wire.MaxShown) }

package top

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"segue/backend"
	"segue/cmd/internal/admin"
	"segue/cmd/internal/admin/history"
	"segue/proxy"
	"segue/proxy/ledger"

	"segue/bench/typeset"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.Local)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

// three is a Segue with three backends and four sessions.
func three() *Facts {
	session := func(id uint32, client, user, backend, state, pinned string, moves int) admin.Session {
		return admin.Session{SessionInfo: proxy.SessionInfo{
			ID: id, Client: client, User: user, Backend: backend, State: state, Pinned: pinned, Since: ago(time.Duration(id) * time.Second), Moves: moves,
		}}
	}
	return &Facts{
		At: noon,
		Status: admin.Status{
			Version: "1.2", Flavor: backend.StarRocks, Started: ago(3 * time.Hour), State: admin.Serving, Ready: true, Backends: admin.Tally{Total: 3, Usable: 2},
			Sessions: 4, MaxSessions: 1000, Failures: []ledger.Count{{Kind: "connect", Action: "retried", Count: 12}, {Kind: "lost", Count: 1}}, Config: admin.Reload{Successful: true},
		},
		Backends: []admin.Backend{
			{Name: "fe-1", Address: "10.0.0.1:9030", Health: backend.Up, Sessions: 3, Since: ago(2 * time.Minute)},
			{Name: "fe-2", Address: "10.0.0.2:9030", Health: backend.Up, Sessions: 1, Since: ago(time.Hour)},
			{Name: "fe-3", Address: "10.0.0.3:9030", Health: backend.Down, Admin: backend.Drain, Since: ago(7 * time.Second), Cause: "connection refused\x1b[2J"},
		},
		Sessions: []admin.Session{
			session(1, "10.1.0.9:4001", "app", "fe-1", "busy", "", 0), session(2, "10.1.0.9:4002", "app", "fe-1", "idle", "temporary-table", 3),
			session(3, "10.1.0.8:4003", "etl", "fe-2", "idle", "", 10), session(4, "10.1.0.7:4004", "bi", "fe-1", "idle", "", 1),
		},
		Counts: map[string]Counts{"fe-1": {Came: 5, Went: 2}},
	}
}

func heard() *Model {
	m := New("127.0.0.1:9131")
	m.Hear(noon, three(), nil)
	return m
}

func screen(lines []Line) string {
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	return text.String()
}

// keys are those of a text: a word in angles is one that writes no letter.
func keys(text string) (list []Key) {
	for text != "" {
		if name, rest, ok := strings.Cut(text[1:], ">"); ok && text[0] == '<' && name != "" {
			list, text = append(list, Key(name)), rest
			continue
		}
		list, text = append(list, Key(text[:1])), text[1:]
	}
	return list
}

func TestScreen(t *testing.T) {
	const want = `segue 1.2 for starrocks at 127.0.0.1:9131: serving for 3h00m, ready
2 of 3 usable  4 sessions  1,240 statements/s  errors clients saw: 1, hidden: 12

> 3 backends
BACKEND  HEALTH  ADMIN   SESSIONS  STMT/S    P99 MOVES   SINCE CAUSE
fe-1     up      ready          3   1,240 142 ms +5 -2   2m00s
fe-2     up      ready          1       0      - -       1h00m
fe-3     down    drain          0       0      - -          7s connection refus…
  4 sessions
 ID CLIENT        USER  BACKEND  STATE   SINCE  MOVES PINNED
  1 10.1.0.9:4001 app   fe-1     busy       1s      0
  2 10.1.0.9:4002 app   fe-1     idle       2s      3 temporary-table
  3 10.1.0.8:4003 etl   fe-2     idle       3s     10
  4 10.1.0.7:4004 bi    fe-1     idle       4s      1









?:help q:quit tab:sessions d:drain r:ready m:maint s:sort /:filter space:still
`
	m := heard()
	next := three()
	next.At = noon.Add(time.Second)
	c := next.Counts["fe-1"]
	c.Answered, c.Times = 1240, history.Times{Bounds: []float64{0.01, 0.1, 1}, Counts: []uint64{1100, 127, 13, 0}}
	next.Counts["fe-1"] = c
	m.Hear(noon, next, nil)
	if got := screen(m.View(noon, 80, 24)); got != want {
		t.Errorf("80x24:\n%s\nwant:\n%s", got, want)
	}
}

// Where there is room there is more: what discovery knows, and what only some have.
func TestWideScreen(t *testing.T) {
	f := three()
	f.Backends[0].Role, f.Backends[0].Version, f.Sessions[1].Process = "leader", "3.5.2", 4711
	m := New("here")
	m.Hear(noon, f, nil)
	got := screen(m.View(noon, 150, 24))
	for _, want := range []string{
		"BACKEND  HEALTH  ADMIN   SESSIONS  STMT/S  P50  P99  PINNED MOVES   SINCE ROLE   VERSION  ADDRESS       CAUSE",
		"fe-1     up      ready          3       -    -    -       1 +5 -2   2m00s leader 3.5.2    10.0.0.1:9030",
		"fe-2     up      ready          1       -    -    -       0 -       1h00m -      -        10.0.0.2:9030", "PROCESS PINNED", "   4711 temporary-table",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q on\n%s", want, got)
		}
	}
	if strings.Contains(got, "ZONE") {
		t.Errorf("there is no zone, and a column for it:\n%s", got)
	}
}

// What is shown has the size of the screen, whatever that is, and whatever is shown.
func TestScreenFits(t *testing.T) {
	many := three()
	for i := range 300 {
		many.Backends = append(many.Backends, admin.Backend{Name: fmt.Sprintf("a-backend-with-a-name-that-is-quite-long-%d", i), Cause: strings.Repeat("界面 ", 30)})
		many.Sessions = append(many.Sessions, admin.Session{SessionInfo: proxy.SessionInfo{ID: uint32(i + 9), Client: "界:1", User: strings.Repeat("é", i), Backend: "fe-1"}})
	}
	for name, prepare := range map[string]func(m *Model){
		"as it begins":   func(*Model) {},
		"three":          func(m *Model) { m.Hear(noon, three(), nil) },
		"many":           func(m *Model) { m.Hear(noon, many, nil) },
		"many, sessions": func(m *Model) { m.Hear(noon, many, nil); m.Press(noon, Tab); m.Press(noon, End) },
		"none": func(m *Model) {
			m.Hear(noon, &Facts{Status: admin.Status{Config: admin.Reload{Successful: true}}}, nil)
		},
		"lost":     func(m *Model) { m.Hear(noon, many, nil); m.Hear(noon, nil, errors.New(strings.Repeat("refused ", 99))) },
		"asked":    func(m *Model) { m.Hear(noon, many, nil); m.Press(noon, "d") },
		"filtered": func(m *Model) { m.Hear(noon, many, nil); press(m, "/no such thing") },
		"help":     func(m *Model) { m.Hear(noon, many, nil); m.Press(noon, "?") },
	} {
		for _, size := range [][2]int{{80, 24}, {200, 60}, {40, 10}, {39, 9}, {41, 500}, {1, 1}, {80, 1}, {1, 80}, {0, 0}} {
			m := New("127.0.0.1:9131")
			prepare(m)
			lines := m.View(noon, size[0], size[1])
			if len(lines) != size[1] {
				t.Errorf("%s on %v: %d lines", name, size, len(lines))
			}
			for i, l := range lines {
				if w := typeset.Width(l.String()); w > size[0] || strings.ContainsAny(l.String(), "\x1b\n\r\t") {
					t.Errorf("%s on %v: line %d has %d columns: %q", name, size, i, w, l.String())
				}
			}
		}
	}
}

func press(m *Model, text string) (last Action) {
	for _, k := range keys(text) {
		last = m.Press(noon, k)
	}
	return last
}

func TestKeys(t *testing.T) {
	for _, test := range []struct {
		name, keys string
		want       Action
		shows      string // somewhere on the screen; empty: anything
		hides      string
	}{
		{"quit", "q", Action{Quit: true}, "", ""},
		{"interrupt, whatever is asked", "d<ctrl c>", Action{Quit: true}, "", ""},
		{"stop", "<ctrl z>", Action{Suspend: true}, "", ""},
		{"redraw", "<ctrl l>", Action{Redraw: true}, "", ""},
		{"nothing", "xÿ<page up>", Action{}, "?:help", ""},
		{"help", "?", Action{}, "any key goes on", "SESSIONS"},
		{"help and back", "?q", Action{}, "SESSIONS", "any key goes on"},
		{"drain asks", "d", Action{}, "Drain fe-1? [y/N] It gets no new session, and the 3 it has leave it.", ""},
		{"drain of the second", "jd", Action{}, "Drain fe-2? [y/N] It gets no new session, and the one it has leaves it.", ""},
		{"maint", "jjm", Action{}, "Maint fe-3? [y/N] It gets no new session; it has none.", ""},
		{"drain is so already", "jjd", Action{}, "fe-3: drain already", ""},
		{"ready", "<end>r", Action{}, "Ready fe-3? [y/N]", ""},
		{"yes", "dy", Action{Steer: &Steer{Name: "fe-1", To: backend.Drain}}, "drain fe-1 …", "[y/N]"},
		{"no", "dn", Action{}, "nothing has been done", "[y/N]"},
		{"enter is no yes", "d<enter>", Action{}, "nothing has been done", "[y/N]"},
		{"what is pasted is no command", "<paste begins>dy<paste ends>", Action{}, "?:help", "[y/N]"},
		{"sessions", "<tab>", Action{}, "> 4 sessions", "> 3 backends"},
		{"not of sessions", "<tab>d", Action{}, "choose a backend first", "[y/N]"},
		{"sessions of a backend", "j<enter>", Action{}, "> 1 of 4 sessions on fe-2", "10.1.0.9"},
		{"some of them", "<enter>/etl<enter>", Action{}, `of 4 sessions on fe-1 with "etl"`, "bi"},
		{"all, and not of a backend", "<enter><escape>", Action{}, "> 4 sessions", " on "},
		{"filter", "<tab>/APP idle<enter>", Action{}, `> 1 of 4 sessions with "APP idle"`, "etl"},
		{"a filter is typed", "<tab>/ap", Action{}, "filter sessions: ap", "etl"},
		{"a letter back", "<tab>/etlx<backspace>", Action{}, "filter sessions: etl", "app"},
		{"q in a filter", "<tab>/q", Action{}, "filter sessions: q", "etl"},
		{"another filter after all", "<tab>/etl<enter>/bi<escape>", Action{}, `1 of 4 sessions with "etl"`, "bi"},
		{"all", "<tab>/etl<enter><escape>", Action{}, "> 4 sessions", "with"},
		{"sorted", "ss", Action{}, "3 backends, by HEALTH", ""},
		{"sorted back", "S", Action{}, "3 backends, by CAUSE", ""},
		{"as it comes", "sS", Action{}, "> 3 backends\n", ", by"},
		{"the other way", "sR", Action{}, "3 backends, by BACKEND, the highest first", ""},
		{"still", " ", Action{}, "STILL", ""},
		{"goes on", "  ", Action{}, "?:help", "STILL"},
	} {
		m := heard()
		got := press(m, test.keys)
		shown := screen(m.View(noon, 80, 24))
		if got.Quit != test.want.Quit || got.Suspend != test.want.Suspend || got.Redraw != test.want.Redraw {
			t.Errorf("%s: %+v", test.name, got)
		}
		if (got.Steer == nil) != (test.want.Steer == nil) || got.Steer != nil && *got.Steer != *test.want.Steer {
			t.Errorf("%s: steers %+v", test.name, got.Steer)
		}
		if !strings.Contains(shown, test.shows) || test.hides != "" && strings.Contains(shown, test.hides) {
			t.Errorf("%s: want %q, and not %q, on\n%s", test.name, test.shows, test.hides, shown)
		}
	}
}

// The sessions of a backend are not those of another whose name begins as its own does, nor those whose user is called so.
func TestSessionsOfABackendAlone(t *testing.T) {
	m, f := New("here"), three()
	f.Backends[1].Name = "fe-10"
	for i := range f.Sessions {
		f.Sessions[i].Backend, f.Sessions[i].User = []string{"fe-1", "fe-10"}[i%2], "fe-1"
	}
	m.Hear(noon, f, nil)
	press(m, "<enter>")
	if shown := screen(m.View(noon, 80, 24)); !strings.Contains(shown, "> 2 of 4 sessions on fe-1\n") {
		t.Error(shown)
	}
}

func TestSorts(t *testing.T) {
	for keys, want := range map[string]string{
		"":              "app app etl bi",
		"<tab>s":        "app app etl bi", // by ID
		"<tab>sR":       "bi etl app app",
		"<tab>sss":      "app app bi etl", // by USER
		"<tab>sssssss":  "app bi app etl", // by MOVES: 10 is more than 3
		"<tab>sssssssR": "etl app bi app",
	} {
		m := heard()
		press(m, keys)
		var users []string
		for _, r := range m.rows(ofSessions, noon) {
			users = append(users, r.cells[2].text)
		}
		if got := strings.Join(users, " "); got != want {
			t.Errorf("%q: %s, want %s", keys, got, want)
		}
	}
}

// The chosen row is the same one when others come and go, and the one in its place when it has gone itself.
func TestChoiceStays(t *testing.T) {
	m := heard()
	press(m, "j")
	next := three()
	next.Backends = next.Backends[1:]
	m.Hear(noon, next, nil)
	if press(m, "d"); !strings.HasPrefix(m.text, "Drain fe-2") {
		t.Errorf("with the first gone: %s", m.text)
	}
	press(m, "n")
	next = three()
	next.Backends = next.Backends[:1]
	m.Hear(noon, next, nil)
	if press(m, "d"); !strings.HasPrefix(m.text, "Drain fe-1") {
		t.Errorf("with itself gone: %s", m.text)
	}
}

func TestAnswers(t *testing.T) {
	shows := func(m *Model, now time.Time, want string) {
		t.Helper()
		if got := screen(m.View(now, 120, 24)); !strings.Contains(got, want) {
			t.Errorf("want %q on\n%s", want, got)
		}
	}
	m := heard()
	m.Hear(noon.Add(time.Second), nil, errors.New("ask 127.0.0.1:9131: connection refused"))
	m.Hear(noon.Add(5*time.Second), nil, errors.New("ask 127.0.0.1:9131: connection refused"))
	shows(m, noon.Add(6*time.Second), "No answer for 5s: ask 127.0.0.1:9131: connection refused. What stands here is of 12:00:00; asking again.")
	press(m, "d")
	shows(m, noon.Add(6*time.Second), "Segue does not answer")
	same := three()
	m.Hear(noon.Add(9*time.Second), same, nil)
	shows(m, noon.Add(9*time.Second), "Segue answers again, after 8s")
	other := three()
	other.Status.Started = noon
	m.Hear(noon.Add(10*time.Second), other, nil)
	shows(m, noon.Add(10*time.Second), "Segue has been restarted: another process answers, since 12:00:00")
	shows(m, noon.Add(50*time.Second), "?:help")

	m = heard()
	s := Steer{Name: "fe-1", To: backend.Drain}
	m.Steered(noon, s, admin.Backend{Name: "fe-1", Admin: backend.Drain, Health: backend.Up, Sessions: 1}, nil)
	shows(m, noon, "fe-1: drain, up, 1 session")
	m.Steered(noon, s, admin.Backend{}, errors.New("it is gone"))
	shows(m, noon, "drain fe-1: it is gone")
	m.Steered(noon, s, admin.Backend{}, fmt.Errorf("ask: %w", &admin.Error{Code: http.StatusConflict, Text: "the last"}))
	shows(m, noon, "Drain fe-1 all the same? [y/N] It is the last one that is usable: clients would wait.")
	if a := press(m, "y"); a.Steer == nil || !a.Steer.Force {
		t.Errorf("%+v", a)
	}
	m.Steered(noon, Steer{Name: "fe-1", To: backend.Drain, Force: true}, admin.Backend{}, &admin.Error{Code: http.StatusConflict, Text: "the last"})
	shows(m, noon, "drain fe-1: the last")

	m = heard()
	press(m, " ")
	next := three()
	next.Status.Version = "9.9"
	m.Hear(noon, next, nil)
	shows(m, noon.Add(time.Hour), "segue 1.2 for starrocks at 127.0.0.1:9131: serving for 3h00m")
	press(m, " ")
	m.Hear(noon, next, nil)
	shows(m, noon, "segue 9.9")
}

func TestBanners(t *testing.T) {
	for want, change := range map[string]func(s *admin.Status){
		"Paused by an operator for 5s": func(s *admin.Status) {
			s.Paused = &proxy.Pause{Since: ago(5 * time.Second), Until: noon, Held: 3, Busy: 1}
		},
		"3 statements held, 1 session at work":  func(s *admin.Status) { s.Paused = &proxy.Pause{Since: noon, Until: noon, Held: 3, Busy: 1} },
		"The last change of the configuration":  func(s *admin.Status) { s.Config.Successful = false },
		"Of the sessions 7 on 1 Segue":          func(s *admin.Status) { s.Others = []admin.Process{{Sessions: 7}} },
		"not ready":                             func(s *admin.Status) { s.Ready = false },
		"draining for":                          func(s *admin.Status) { s.State = admin.Draining },
		"0 of 3 usable  4 sessions  errors":     func(s *admin.Status) { s.Backends.Usable = 0 },
		"usable  800 sessions of at most 1,000": func(s *admin.Status) { s.Sessions = 800 },
	} {
		f := three()
		change(&f.Status)
		m := New("here")
		m.Hear(noon, f, nil)
		if got := screen(m.View(noon, 120, 24)); !strings.Contains(got, want) {
			t.Errorf("want %q on\n%s", want, got)
		}
	}
}

func TestCounts(t *testing.T) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(`# TYPE segue_session_moves_total counter
segue_session_moves_total{from="a",to="b",result="ok"} 3
segue_session_moves_total{from="b",to="a",result="ok"} 1
segue_session_moves_total{from="a",to="",result="failed"} 9
segue_session_moves_total{from="a",to="c",result="ok",process="7"} 2
# TYPE segue_statements_total counter
segue_statements_total{backend="a",kind="query",outcome="ok"} 7
segue_statements_total{backend="a",kind="ping",outcome="error"} 1
segue_statements_total{backend="a",kind="ping",outcome="lost"} 99
segue_statements_total{backend="a",kind="ping",outcome="ok",process="7"} 4
# TYPE segue_statement_duration_seconds histogram
segue_statement_duration_seconds_bucket{backend="a",le="0.1"} 3
segue_statement_duration_seconds_bucket{backend="a",le="+Inf"} 6
segue_statement_duration_seconds_sum{backend="a"} 6
segue_statement_duration_seconds_count{backend="a"} 6
segue_statement_duration_seconds_bucket{backend="a",process="7",le="0.1"} 2
segue_statement_duration_seconds_bucket{backend="a",process="7",le="+Inf"} 3
segue_statement_duration_seconds_sum{backend="a",process="7"} 6
segue_statement_duration_seconds_count{backend="a",process="7"} 3
`))
	if err != nil {
		t.Fatal(err)
	}
	got := CountsOf(families)
	want := map[string]Counts{
		"a": {Came: 1, Went: 5, Answered: 12, Times: history.Times{Bounds: []float64{0.1}, Counts: []uint64{5, 4}}}, "b": {Came: 3, Went: 1}, "c": {Came: 2},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := CountsOf(map[string]*dto.MetricFamily{}); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}

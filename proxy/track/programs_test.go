package track

import (
	"strings"
	"testing"
)

func sysvars() map[string]bool {
	return SystemVariables([]string{"SQL_MODE", "TIMESTAMP", "FOREIGN_KEY_CHECKS", "TIME_ZONE", "AUTOCOMMIT", "OLD", "SERVER_ID", "LC_TIME_NAMES"}, "autocommit,character_set_client,time_zone")
}

func everything([]byte) bool { return true }

// program is one of a test: kind, name and body.
func program(kind ProgramKind, name, body string) Program {
	p := Program{Kind: kind, Schema: []byte("d"), Name: []byte(name), Body: []byte(body)}
	if body == "" {
		p.Body = nil
	}
	return p
}

func effects(e effect) string {
	var names []string
	if e&hides != 0 {
		names = append(names, "hides")
	}
	if e&assigns != 0 {
		names = append(names, "assigns")
	}
	return strings.Join(names, " ")
}

// TestBodies: what a body may do that no witness sees.
func TestBodies(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"RETURN 1", ""},
		{"RETURN GET_LOCK('x',0)", "hides"},
		{"BEGIN DECLARE r INT; SET r = `get_lock`('x',0); RETURN r; END", "hides"},
		{"RETURN /*!50000get_lock*/('x',0)", "hides"},
		{"BEGIN CREATE OR REPLACE TEMPORARY TABLE t (a INT); RETURN 1; END", "hides"},
		{"BEGIN INSERT INTO log VALUES (NEW.a, NOW()); END", ""},
		{"SET NEW.timestamp = NOW()", ""},
		{"SET NEW.a = OLD.b", ""},
		{"BEGIN SET foreign_key_checks = 0; RETURN 1; END", "hides"},
		{"BEGIN SET @@session.`lc_time_names` = 'de_DE'; RETURN 1; END", "hides"},
		{"BEGIN SET @@foreign_key_checks=0; END", "hides"},
		{"BEGIN SET SESSION /* c */ foreign_key_checks /* d */ := 0; END", "hides"},
		{"BEGIN foreign_key_checks := 0; END", "hides"},
		{"BEGIN SET a = 1, foreign_key_checks = 0; END", "hides"},
		{"BEGIN SET time_zone = '+00:00', sql_mode = ''; END", ""},
		{"BEGIN SET NAMES latin1; END", ""},
		{"BEGIN DECLARE x INT; SET x = @@foreign_key_checks; RETURN x; END", ""},
		{"BEGIN RETURN (SELECT MAX(timestamp) FROM log); END", ""},
		{"BEGIN SET ROLE r; END", "hides"},
		{"BEGIN SET /* c */ ROLE r; END", "hides"},
		{"BEGIN UPDATE u SET role = 'x', transaction = 5; END", ""},
		{"BEGIN SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; END", "hides"},
		{"BEGIN SET SESSION TRANSACTION READ ONLY; END", "hides"},
		{"BEGIN PREPARE s FROM 'SELECT 1'; EXECUTE s; END", "hides assigns"},
		{"BEGIN EXECUTE IMMEDIATE x; END", "hides assigns"},
		{"SET @a = 1", "assigns"},
		{"BEGIN SELECT a INTO x, @b FROM t; END", "assigns"},
		{"BEGIN SELECT a INTO/**/@b FROM t; END", "assigns"},
		{"RETURN @a := 5", "assigns"},
		{"RETURN @'a b'", "assigns"},
		{"BEGIN CALL p(@x); END", "assigns"},
		{"BEGIN GET DIAGNOSTICS @n = NUMBER; END", "assigns"},
		{"INSERT INTO log (who, what) VALUES (@app_user, NEW.a)", ""},
		{"BEGIN IF @skip IS NULL THEN SET NEW.a = @@timestamp; END IF; END", ""},
		{"SET @old = 1", "assigns"},
		{"", "hides assigns"},
		{"RETURN other.f()", "hides assigns"},
		{"RETURN d.f()", ""},
	} {
		sys := System{Variables: sysvars(), Sees: func(s []byte) bool { return string(s) == "d" }}
		p := NewPrograms([]Program{program(Routine, "f", c.body)}, sys)
		if got := effects(p.of([]byte("SELECT f()"))); got != c.want {
			t.Errorf("%s: %q, want %q", c.body, got, c.want)
		}
		if p.of([]byte("SELECT g()")) != 0 {
			t.Errorf("%s: any function does", c.body)
		}
	}
	for body, want := range map[string]string{
		"SET x = 1": "hides", "RETURN 1": "",
	} {
		if got := effects(NewPrograms([]Program{program(Routine, "f", body)}, System{Sees: everything}).of([]byte("SELECT f()"))); got != want {
			t.Errorf("%s, and the variables are not known: %q, want %q", body, got, want)
		}
	}
}

// TestProgramsNamed: what a statement may do by what it names.
func TestProgramsNamed(t *testing.T) {
	p := NewPrograms([]Program{
		program(Routine, "lock_it", "RETURN GET_LOCK('x',0)"),
		program(Routine, "inner_one", "RETURN lock_it()"),
		program(Routine, "outer_one", "RETURN INNER_ONE() + 1"),
		program(Routine, "harmless", "RETURN 1"),
		program(Routine, "a name", "SET @a=1"),
		program(Routine, "writer", "BEGIN INSERT INTO orders VALUES (1); RETURN 1; END"),
		program(Trigger, "orders", "BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS seen (a INT); END"),
		program(Trigger, "plain", "SET NEW.a = 1"),
		program(Trigger, "chained", "INSERT INTO orders VALUES (NEW.a)"),
		program(Trigger, "unread", ""),
		program(View, "over", "select `d`.`outer_one`() AS `x`"),
		program(View, "of_orders", "select `d`.`orders`.`a` AS `a` from `d`.`orders`"),
		program(View, "takes", "select get_lock('y',0) AS `x`"),
		program(View, "gives", "select last_insert_id(5) AS `x`"),
		program(View, "asks", "select last_insert_id() AS `x`"),
		program(Package, "pack", "FUNCTION f() RETURN INT"),
	}, System{Variables: sysvars(), Sees: everything})
	for text, want := range map[string]string{
		"SELECT 1":                                       "",
		"SELECT harmless()":                              "",
		"SELECT lock_it()":                               "hides",
		"select d.`LOCK_IT` ()":                          "hides",
		"SELECT /*!50000lock_it*/()":                     "hides",
		"SELECT\xa0lock_it() ":                           "hides assigns",
		"SELECT inner_one(), 1":                          "hides",
		"UPDATE t SET a=outer_one()":                     "hides",
		"SELECT l\xc3\xb6ck_it()":                        "hides assigns", // names are compared without accents
		"SELECT 'l\xc3\xb6ck'":                           "",
		"SELECT `a name`()":                              "assigns",
		"SELECT writer()":                                "hides",
		"SELECT * FROM orders":                           "",
		"INSERT INTO orders VALUES (1)":                  "hides",
		"REPLACE d.orders VALUES (1)":                    "hides",
		"LOAD DATA LOCAL INFILE 'x' INTO TABLE `orders`": "hides",
		"INSERT INTO plain VALUES (1)":                   "",
		"DELETE FROM chained":                            "hides",
		"SELECT * FROM unread":                           "",
		"DELETE FROM unread":                             "hides assigns",
		"SELECT * FROM over":                             "hides",
		"SELECT * FROM of_orders":                        "",
		"UPDATE of_orders SET a=1":                       "hides",
		"SELECT * FROM takes":                            "hides",
		"SELECT * FROM gives":                            "hides",
		"SELECT * FROM asks":                             "",
		"SELECT pack.f()":                                "hides assigns",
		`PREPARE s FROM 'SELECT l\ock_it()'`:             "hides assigns",
		`SELECT 'a\nb'`:                                  "",
	} {
		if got := effects(p.of([]byte(text))); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		d := &digest{}
		if d.take([]byte(text)); effects(p.ofWords(d)) != want {
			t.Errorf("%s, kept: %q, want %q", text, effects(p.ofWords(d)), want)
		}
	}
	if !NewPrograms([]Program{program(Routine, "f", "RETURN 1"), program(View, "v", "select 1")}, System{Variables: sysvars(), Sees: everything}).clean() {
		t.Error("harmless ones do something")
	}
}

// catalogued is a session of a server with a catalog, and what it has.
func catalogued(p *Programs) (*State, *Catalog) {
	c := NewCatalog(&Changes{})
	if p != nil {
		c.Put(p, 0)
	}
	s := New(Options{Dialect: MariaDB, Version: 101100, Catalog: c, Memory: NewMemory(0)}, 2)
	return &s, c
}

func ran(s *State, text string) {
	s.Client(say(query(text)).bytes())
	s.Server(answer(ok).bytes())
}

// TestUnseenPins: a session that names what holds state stays, and one that names what assigns variables asks for them, or hears of it.
func TestUnseenPins(t *testing.T) {
	p := NewPrograms([]Program{program(Routine, "lock_it", "RETURN GET_LOCK('x',0)"), program(Routine, "assign_it", "SET @a=1")}, System{Variables: sysvars(), Sees: everything})
	for _, c := range []struct {
		run     []string
		pinned  string
		suspect bool
		lost    string
	}{
		{[]string{"SELECT 1", "SELECT a FROM t"}, "", false, ""},
		{[]string{"SELECT lock_it()"}, PinUnseen, false, PinUnseen},
		{[]string{"DO assign_it()"}, "", true, lostUnseen},
		{[]string{"PREPARE s FROM 'SELECT lock_it()'", "EXECUTE s"}, PinUnseen, false, PinUnseen},
		{[]string{"SET @q='SELECT lock_it()'", "PREPARE s FROM @q", "EXECUTE s"}, PinUnseen, false, PinUnseen},
	} {
		for _, late := range []bool{false, true} {
			s, catalog := catalogued(p)
			if late {
				s, catalog = catalogued(nil)
			}
			for _, text := range c.run {
				ran(s, text)
			}
			if late {
				if catalog.Put(p, 0); len(c.run[0]) > 8 && !s.Unjudged() {
					t.Errorf("%q: nothing is kept", c.run)
				}
				s.CatchUp()
			}
			if s.Pinned() != c.pinned || s.Suspect() != c.suspect || s.Asking() != c.suspect || s.Unjudged() {
				t.Errorf("%q, late %v: pinned by %q, suspect %v", c.run, late, s.Pinned(), s.Suspect())
			}
			if lost, _ := s.Dropped(); lost != c.lost || s.Pinned() != "" {
				t.Errorf("%q, late %v: lost %q, want %q; then pinned by %q", c.run, late, lost, c.lost, s.Pinned())
			}
		}
	}
}

// TestUnseenIsUnknown: until it is known which programs there are, a loss is told of, if any may have run.
func TestUnseenIsUnknown(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1": "", "SELECT NOW(), COUNT(*)": "", "SET @x=1": "", "BEGIN": "", "SELECT @x": "",
		"SELECT f()": lostUnseen, "SELECT a FROM t": lostUnseen, "INSERT t VALUES (1)": lostUnseen,
	} {
		s, _ := catalogued(nil)
		if ran(s, text); s.Unjudged() != (want != "") {
			t.Errorf("%s: unjudged %v", text, s.Unjudged())
		}
		if lost, _ := s.Dropped(); lost != want {
			t.Errorf("%s: lost %q, want %q", text, lost, want)
		}
	}
	s, _ := catalogued(nil)
	if s.Client(say(query("SELECT a FROM t")).bytes()); !s.Unjudged() {
		t.Error("a statement that runs is judged")
	}
	if s.Abandon(); s.Unjudged() {
		t.Error("one that has not run is not")
	}
	for text, want := range map[string]string{"SELECT a FROM t": PinUnseen, "SELECT 1": ""} {
		s, _ := catalogued(UnknownPrograms())
		if ran(s, text); s.Pinned() != want {
			t.Errorf("%s on a server that does not tell: pinned by %q, want %q", text, s.Pinned(), want)
		}
	}
}

// TestProgramsChange: what defines a program makes what is known of them out of date, when it is sent and when it has run.
func TestProgramsChange(t *testing.T) {
	for text, want := range map[string]bool{
		"CREATE FUNCTION f() RETURNS INT RETURN 1": true, "/*!50003 CREATE*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a=1 */": true, "DROP VIEW v": true,
		"RENAME TABLE a TO b": true, "ALTER TABLE a RENAME b": true, "CREATE OR REPLACE VIEW v AS SELECT 1": true,
		"CREATE TABLE t (a INT)": false, "INSERT INTO t VALUES ('CREATE VIEW')": false, "SELECT 1": false,
	} {
		p := NewPrograms(nil, System{Sees: everything})
		s, catalog := catalogued(p)
		s.Client(say(query(text)).bytes())
		if out := catalog.Programs() == nil; out != want {
			t.Errorf("%s is sent: out of date %v", text, out)
		}
		catalog.Put(p, catalog.changes.Count())
		s.Server(answer(ok).bytes())
		if out := catalog.Programs() == nil; out != want {
			t.Errorf("%s has run: out of date %v", text, out)
		}
	}
}

// TestProgramsCostNothing: to look statements up allocates nothing.
func TestProgramsCostNothing(t *testing.T) {
	lists := map[string][]Program{"none": nil, "one": {program(Routine, "lock_it", "RETURN GET_LOCK('x',0)")}}
	for name, list := range lists {
		s, _ := catalogued(NewPrograms(list, System{Sees: everything}))
		for _, text := range []string{"SELECT c FROM sbtest1 WHERE id=5012", "INSERT INTO t VALUES (1,'a'),(2,'lock')", "COMMIT", "BEGIN"} {
			q, a := say(query(text)).bytes(), answer(ok).bytes()
			if n := testing.AllocsPerRun(100, func() {
				s.Client(q)
				s.Server(a)
			}); n > 0 || s.held != nil {
				t.Errorf("%s, %q: %v allocations", name, text, n)
			}
		}
	}
}

func BenchmarkPrograms(b *testing.B) {
	text := []byte("SELECT a.id, b.name FROM orders a JOIN customers b ON b.id = a.customer WHERE a.id BETWEEN 100 AND 200 AND b.name LIKE 'x%' ORDER BY a.id LIMIT 20")
	for name, list := range map[string][]Program{"none": nil, "one": {program(Routine, "lock_it", "RETURN GET_LOCK('x',0)")}} {
		s, _ := catalogued(NewPrograms(list, System{Sees: everything}))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.runs(text)
			}
		})
	}
	b.Run("defines", func(b *testing.B) {
		for b.Loop() {
			definesProgram(text)
		}
	})
}

func FuzzBodies(f *testing.F) {
	f.Add("BEGIN SET @a = 1, foreign_key_checks = 0; RETURN GET_LOCK('x',0); END", "SELECT f()")
	f.Add("select `d`.`f`() AS `x`", "INSERT INTO v VALUES (1)")
	f.Add("\xc3@`", "\xa0f\xc3(")
	f.Fuzz(func(t *testing.T, body, text string) {
		list := []Program{program(Routine, "f", body), program(View, "v", body), program(Trigger, "t", body)}
		p := NewPrograms(list, System{Variables: sysvars(), Sees: everything})
		q := NewPrograms(append(list, program(Routine, "g", "")), System{Variables: sysvars(), Sees: everything})
		e := p.of([]byte(text))
		if q.of([]byte(text))&e != e {
			t.Errorf("%q does less where more is unknown", text)
		}
		if more := p.of([]byte(text + " f()")); more&e != e {
			t.Errorf("%q does less with more behind it", text)
		}
		d := &digest{}
		if d.take([]byte(text)); !d.full && p.ofWords(d) != e {
			t.Errorf("%q is something else once it is kept", text)
		}
	})
}

// TestBlindWrites: who may not see triggers has the server asked how many have run, and hears of a loss before that.
func TestBlindWrites(t *testing.T) {
	blind := NewPrograms(nil, System{Sees: everything, Blind: true})
	for _, c := range []struct {
		text  string
		fired bool
	}{{"INSERT INTO t VALUES (1)", true}, {"SELECT a FROM t", false}, {"BEGIN", false}} {
		for _, late := range []bool{false, true} {
			s, catalog := catalogued(blind)
			if late {
				s, catalog = catalogued(nil)
			}
			ran(s, c.text)
			catalog.Put(blind, 0)
			if s.CatchUp(); s.Fired() != c.fired || s.Asking() != c.fired || s.Pinned() != "" && c.text != "BEGIN" {
				t.Errorf("%s, late %v: fired %v, pinned by %q", c.text, late, s.Fired(), s.Pinned())
			}
		}
	}
	for _, c := range []struct {
		triggers uint64
		known    bool
		pinned   string
		fired    bool
		lost     string
	}{{0, true, "", false, ""}, {1, true, PinUnseen, false, PinUnseen + " and " + lostUnseen}, {0, false, "", true, lostUnseen}} {
		s, _ := catalogued(blind)
		ran(s, "DELETE FROM t")
		if s.Executed(c.triggers, c.known); s.Pinned() != c.pinned || s.Fired() != c.fired {
			t.Errorf("%+v: pinned by %q, fired %v", c, s.Pinned(), s.Fired())
		}
		if lost, _ := s.Dropped(); lost != c.lost {
			t.Errorf("%+v: lost %q", c, lost)
		}
	}
}

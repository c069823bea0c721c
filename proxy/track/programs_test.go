package track

import (
	"strconv"
	"strings"
	"testing"
	"time"
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
				if len(c.run[0]) > 8 && !s.Unjudged() {
					t.Errorf("%q: nothing is kept", c.run)
				}
				catalog.Put(p, 0)
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
}

// TestProgramsChange: what defines a program makes what is known of them out of date, when it is sent and when it has run.
func TestProgramsChange(t *testing.T) {
	for text, want := range map[string]bool{
		"CREATE FUNCTION f() RETURNS INT RETURN 1": true, "/*!50003 CREATE*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a=1 */": true, "DROP VIEW v": true,
		"RENAME TABLE a TO b": true, "ALTER TABLE a RENAME b": true, "CREATE OR REPLACE VIEW v AS SELECT 1": true,
		"CREATE TABLE t (a INT)": false, "INSERT INTO t VALUES ('CREATE VIEW')": false, "SELECT 1": false,
		"SET @a='CREATE VIEW v AS SELECT 1'": false, "CREATE TABLE t (a INT COMMENT 'a TRIGGER')": false, "CREATE TABLE `view` (a INT)": false, "CREATE TABLE t AS SELECT view FROM u": false,
		"SELECT @a; INSERT INTO log VALUES ('DROP TRIGGER x')": false, "CREATE INDEX i ON t (view)": false, "DROP TABLE t /* and no VIEW */": false, "ALTER TABLE t ADD view INT": false,
		"CREATE DEFINER=CURRENT_USER() TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a=1": true, "CREATE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW v AS SELECT 1": true,
		"SET STATEMENT max_statement_time=1 FOR CREATE VIEW v AS SELECT 1": true, "EXECUTE IMMEDIATE 'DROP FUNCTION f'": true, "PREPARE s FROM 'CREATE VIEW v AS SELECT 1'": true,
		"SELECT 1; DROP PROCEDURE p": true, "BEGIN NOT ATOMIC DROP VIEW v; END": true, "ALTER TABLE a ADD b INT, RENAME TO c": true, "CREATE OR REPLACE PACKAGE p AS FUNCTION f RETURN INT; END": true,
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

// TestCatchUp: what has run is judged by what was read after it, though something else has been defined since; and by nothing that was read before.
func TestCatchUp(t *testing.T) {
	lock := NewPrograms([]Program{program(Routine, "f", "RETURN GET_LOCK('x',0)")}, System{Sees: everything})
	s, catalog := catalogued(nil)
	catalog.changes.n.Store(5)
	ran(s, "SELECT f()")
	catalog.Put(lock, 4)
	if s.CatchUp(); !s.Unjudged() {
		t.Error("it is judged by what was read before")
	}
	catalog.changes.n.Store(9)
	catalog.Put(lock, 5)
	if s.CatchUp(); s.Unjudged() || s.Pinned() != PinUnseen {
		t.Errorf("unjudged %v, pinned by %q", s.Unjudged(), s.Pinned())
	}
	late, catalog := catalogued(nil)
	late.Client(say(query("SELECT f()")).bytes())
	catalog.changes.n.Store(1) // while it runs
	late.Server(answer(ok).bytes())
	catalog.Put(lock, 0)
	if late.CatchUp(); !late.Unjudged() {
		t.Error("it is judged by what was read before it had run")
	}
}

// TestDoWithout: where a server does not tell nothing is judged, nor is what ran before, until it is to tell again.
func TestDoWithout(t *testing.T) {
	s, catalog := catalogued(nil)
	ran(s, "SELECT f()")
	catalog.GiveUp()
	if s.Unjudged() || s.Catalog() != nil || s.MayRead() {
		t.Error("it is to be judged")
	}
	for _, text := range []string{"SELECT f()", "INSERT INTO t VALUES (1)", "SET ROLE r", "SELECT f()"} {
		ran(s, text)
	}
	if s.Unjudged() || s.Asking() || s.Pinned() != "" {
		t.Errorf("unjudged %v, pinned by %q", s.Unjudged(), s.Pinned())
	}
	s, catalog = catalogued(nil)
	catalog.GiveUp()
	catalog.Resume()
	if ran(s, "SELECT f()"); !s.Unjudged() {
		t.Error("it is never judged again")
	}
}

// TestProcedures: the name of one counts where it may be called.
func TestProcedures(t *testing.T) {
	p := NewPrograms([]Program{
		program(Procedure, "status", "DO GET_LOCK('x',0)"), program(Procedure, "name", "SET @a = 1"), program(Routine, "f", "BEGIN CALL status(); RETURN 1; END"), program(Routine, "g", "BEGIN name(); RETURN 1; END"),
		program(Procedure, "outer_one", "CALL status()"), program(Trigger, "t", "CALL status()"),
	}, System{Variables: sysvars(), Sees: everything})
	for text, want := range map[string]string{
		"SELECT status, name FROM orders": "", "UPDATE orders SET status=1": "", "CALL status()": "hides", "EXECUTE IMMEDIATE 'CALL name()'": "assigns", "PREPARE s FROM 'CALL outer_one()'": "hides",
		"SELECT f()": "hides", "SELECT g()": "assigns", "INSERT INTO t VALUES (1)": "hides", "BEGIN status(); END": "hides", "EXECUTE IMMEDIATE 'C\\ALL status()'": "hides assigns",
	} {
		if got := effects(p.of([]byte(text))); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
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
			mayDefine(text)
		}
	})
}

// TestTextsOfAnyShape: what reading a text takes grows with its length, and no faster. Were it the square of it each of these would take minutes.
func TestTextsOfAnyShape(t *testing.T) {
	const size = 1 << 20
	clean := System{Variables: sysvars(), Sees: func(s []byte) bool { return string(s) == "d" }}
	p := NewPrograms([]Program{program(Routine, "b", "RETURN GET_LOCK('x',0)")}, clean)
	for _, part := range []string{"\x80", "\xc3\xa9 ", "a.b ", "a.", "`a`.`b` ", "@a ", "@", "`", "\"", " ", ".", "into a, ", "into ", "into,", "into.", "into  ,a", "` ` ", "a.` ` ", "set a.b=", "(", "d.\xc3\xa9(", "5", "500000a "} {
		text := strings.Repeat(part, size/len(part))
		began := time.Now()
		NewPrograms([]Program{program(Routine, "f", text), program(View, "v", text), program(Trigger, "t", text)}, clean)
		p.of([]byte(text))
		(&digest{}).take([]byte(text))
		mayDefine([]byte(text))
		s, _ := catalogued(nil)
		s.risky([]byte(text))
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%q: %v", part, took)
		} else if testing.Verbose() {
			t.Logf("%q: %v", part, took)
		}
	}
}

// TestManyPrograms: what thousands of bodies take does not depend on how they name each other.
func TestManyPrograms(t *testing.T) {
	const n = 10_000
	chain, list := make([]Program, 0, n), make([]Program, 0, n)
	for i := range n {
		chain = append(chain, program(Routine, "f"+strconv.Itoa(i), "RETURN f"+strconv.Itoa(i+1)+"()"))
		list = append(list, program(View, "v"+strconv.Itoa(i), strings.Repeat("select a, b from t"+strconv.Itoa(i)+" ", 20)))
	}
	chain = append(chain, program(Routine, "f"+strconv.Itoa(n), "RETURN GET_LOCK('x',0)"))
	began := time.Now()
	if got := effects(NewPrograms(chain, System{Sees: everything}).of([]byte("SELECT f0()"))); got != "hides" {
		t.Errorf("the first of a chain: %q", got)
	}
	if !NewPrograms(list, System{Sees: everything}).clean() {
		t.Error("harmless ones do something")
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	} else {
		t.Logf("it took %v", took)
	}
}

// TestLeadsOut: whether a body may reach what the account does not see.
func TestLeadsOut(t *testing.T) {
	sys := System{Dialect: MariaDB, Version: 101100, Sees: func(s []byte) bool { return string(s) == "d" || string(s) == "my-db" }}
	for body, want := range map[string]bool{
		"select `d`.`t`.`a` AS `a` from `d`.`t`": false, "select `x`.`a` AS `a` from (`d`.`t` `x`)": false, "select `d`.`t`.`a` from `other`.`t`": true,
		"select `my-db`.`t`.`a` from `my-db`.`t`": false, "select `a-b`.`t`.`a` from `a-b`.`t`": true, "select `o-l`.`a` from (`d`.`t` `o-l`)": false,
		"select 1.5": false, "select .5": false, "select d .5f()": false, "select e .5f()": true, "RETURN other.f()": true, "RETURN other . f()": true, "RETURN `\xc3\xa9`.f()": true, "RETURN \xc3\xa9.f()": true, "select `\xc3\xa9`.`a` from `d`.`t` `\xc3\xa9`": false,
		"SET NEW.a = OLD.b": false, "SET @@session.sql_mode=''": false, "SET @a.b=1": false, "RETURN other/**/.f()": true, "RETURN d/**/.f()": false, "RETURN ``.f()": true, "select 5db.t.a": true, "": false, ".": false,
		"BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Value not allowed.'; END": false, "BEGIN RETURN 1; -- e.g. this, www.example\nEND": false, "RETURN /* see x.y */ 1": false,
		"RETURN CONCAT('www.', DATE_FORMAT(a, '%d.%m.%Y'))": false, "RETURN \"it is. done.\"": false, "RETURN 'it''s. so' ": false,
		"RETURN other.f() -- other": true, "RETURN CONCAT(other.f(), 'other')": true, "RETURN /*! other.f() */ 1": true, "RETURN \"other\".f()": true, "RETURN other.`f`()": true, "RETURN CONCAT('a', other.f(), 'b')": true,
		"RETURN 'a\\', other.f(), 'b'": true, "RETURN 'a\\' || other.f() || '": true,
	} {
		if got := sys.leadsOut([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// TestRightsOfTheirOwn: what an account sees with a role is nothing that it sees without.
func TestRightsOfTheirOwn(t *testing.T) {
	lock := NewPrograms([]Program{program(Routine, "f", "RETURN GET_LOCK('x',0)")}, System{Sees: everything})
	clean := NewPrograms(nil, System{Sees: everything})
	for _, set := range []string{"SET ROLE r", "SET session_track_system_variables='*'"} {
		s, home := catalogued(clean)
		ran(s, "SELECT f()")
		ran(s, set)
		if s.Catalog() == home || s.Catalog().Programs() != nil || s.Pinned() != "" || s.Unjudged() {
			t.Fatalf("%s: judged as before; pinned by %q", set, s.Pinned())
		}
		ran(s, "SELECT f()")
		if !s.Unjudged() {
			t.Errorf("%s: what runs under it is judged by what is seen without", set)
		}
		other, _ := catalogued(clean)
		other.catalog = home
		ran(other, set)
		if other.Catalog() != s.Catalog() {
			t.Errorf("%s: each has its own", set)
		}
		s.Catalog().Put(lock, 0)
		if s.CatchUp(); s.Pinned() != PinUnseen {
			t.Errorf("%s: pinned by %q", set, s.Pinned())
		}
		both, _ := catalogued(clean)
		if ran(both, set+"; SELECT f()"); both.Pinned() == "" {
			t.Errorf("%s with another statement is judged by what is seen without", set)
		}
		late, _ := catalogued(nil)
		ran(late, "SELECT f()")
		if ran(late, set); !late.Unjudged() {
			t.Errorf("%s: what ran before is forgotten", set)
		}
		if ran(late, "SELECT f()"); late.Pinned() != PinUnseen {
			t.Errorf("%s between two statements that are not judged: pinned by %q", set, late.Pinned())
		}
	}
}

// TestJudgedElsewhere: what the backend that is lost did not tell others do, if they do.
func TestJudgedElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		p    *Programs
		lost string
	}{
		"not known": {nil, lostUnseen}, "clean": {NewPrograms(nil, System{Sees: everything}), ""},
		"held": {NewPrograms([]Program{program(Routine, "f", "RETURN GET_LOCK('x',0)")}, System{Sees: everything}), PinUnseen},
	} {
		s, _ := catalogued(nil)
		ran(s, "SELECT f()")
		other := NewCatalog(&Changes{})
		other.Put(c.p, 0)
		s.JudgeElsewhere([]*Catalog{other})
		if lost, _ := s.Dropped(); lost != c.lost {
			t.Errorf("%s: lost %q", name, lost)
		}
	}
}

// TestWhoMayRead: no session of which a question would become part of something.
func TestWhoMayRead(t *testing.T) {
	for text, want := range map[string]bool{"SELECT 1": true, "BEGIN": false, "SET @a=1": true, "SELECT GET_LOCK('a',0)": false} {
		s, _ := catalogued(nil)
		s.Client(say(query(text)).bytes())
		a := answer(ok)
		if text == "BEGIN" {
			a = answer(okTrans)
		}
		if s.Server(a.bytes()); s.MayRead() != want {
			t.Errorf("%s: %v", text, s.MayRead())
		}
	}
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
	for name, c := range map[string]struct {
		programs *Programs
		before   []uint64 // how many triggers other sessions had executed
		lost     string
	}{
		"once": {blind, []uint64{0}, lostUnseen}, "often": {blind, make([]uint64, enoughSpared), ""}, "often, and then one": {blind, append(make([]uint64, enoughSpared), 1), lostUnseen},
		"calm": {NewPrograms(nil, System{Sees: everything, Blind: true, Calm: true}), nil, ""}, "calm until now": {NewPrograms(nil, System{Sees: everything, Blind: true, Calm: true}), []uint64{2}, lostUnseen},
	} {
		s, catalog := catalogued(c.programs)
		for _, n := range c.before {
			other := New(Options{Dialect: MariaDB, Version: 101100, Catalog: catalog, Memory: NewMemory(0)}, 2)
			ran(&other, "DELETE FROM t")
			other.Executed(n, true)
		}
		ran(s, "DELETE FROM t")
		if asking := s.Asking(); asking != (c.lost != "") || !s.Fired() {
			t.Errorf("%s: asking %v, fired %v", name, asking, s.Fired())
		}
		if lost, _ := s.Dropped(); lost != c.lost {
			t.Errorf("%s: lost %q", name, lost)
		}
	}
}

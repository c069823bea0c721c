package e2e

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"segue/backend"
	proxy "segue/proxy"
	"segue/proxy/track"
)

// Questions for what a session's statements have left behind, asked on another backend than these ran on: the answer is the one that a direct connection
// gets, or one error of Segue's own, and never a wrong one.

// answersCase is what a session runs, and what it asks once it stands on another backend. A text that begins with ! fails.
type answersCase struct {
	name string
	run  []string
	ask  []string
	pins string // why it stays where it is; "": it moves
	same bool   // it is refused nothing
}

func answersCases() []answersCase {
	const found, warns = "SELECT SQL_CALC_FOUND_ROWS 1 FROM nums LIMIT 1", "SELECT 1/0, CAST('x' AS SIGNED)"
	list := []answersCase{
		{name: "auto_is_null", run: []string{"SET sql_auto_is_null=1", "INSERT INTO auto (a) VALUES (7)"}, ask: []string{"SELECT a FROM auto WHERE id IS NULL"}},
		{name: "auto_is_null later", run: []string{"SET sql_auto_is_null=1", "INSERT INTO auto (a) VALUES (7)"}, ask: []string{"SELECT a FROM nums", "SELECT a FROM auto WHERE id IS NULL"}},
		{name: "auto_is_null switched on", run: []string{"INSERT INTO auto (a) VALUES (7)"}, ask: []string{"SET sql_auto_is_null=1", "SELECT a FROM auto WHERE id IS NULL"}},
		{name: "auto_is_null anew", run: []string{"INSERT INTO auto (a) VALUES (7)"}, ask: []string{"SET sql_auto_is_null=1", "INSERT INTO auto (a) VALUES (8)", "SELECT a FROM auto WHERE id IS NULL"}, same: true},
		{name: "auto_is_null off", run: []string{"SET sql_auto_is_null=0", "INSERT INTO auto (a) VALUES (7)"}, ask: []string{"SELECT a FROM auto WHERE id IS NULL"}, same: true},
		{name: "an id", run: []string{"INSERT INTO auto (id) VALUES (NULL)", "SELECT LAST_INSERT_ID(77)"}, ask: []string{"SELECT LAST_INSERT_ID(), @@identity, @@last_insert_id", "SELECT 1", "SELECT LAST_INSERT_ID()"}},
		{name: "an id by SHOW", run: []string{"SELECT LAST_INSERT_ID(77)"}, ask: []string{"SHOW VARIABLES LIKE 'last_insert_id'", "SHOW VARIABLES LIKE '%dentity'"}},
		{name: "an id by information_schema", run: []string{"SELECT LAST_INSERT_ID(77)"}, ask: []string{"SELECT VARIABLE_VALUE FROM information_schema.SESSION_VARIABLES WHERE VARIABLE_NAME='last_insert_id'"}},
		{name: "insert_id", run: []string{"INSERT INTO auto (a) VALUES (7)"}, ask: []string{"SELECT 1", "SELECT @@insert_id"}, same: true},
		{name: "rows found", run: []string{found}, ask: []string{"SELECT FOUND_ROWS()"}},
		{name: "rows found, plainly", run: []string{"SELECT * FROM nums"}, ask: []string{"SELECT FOUND_ROWS()"}},
		{name: "rows found twice", run: []string{found}, ask: []string{"SELECT FOUND_ROWS() >= 0", "SELECT FOUND_ROWS()"}},
		{name: "row count", run: []string{"INSERT INTO auto (a) VALUES (4),(5)"}, ask: []string{"SELECT ROW_COUNT()", "SELECT ROW_COUNT()"}},
		{name: "warnings twice", run: []string{warns}, ask: []string{"SHOW WARNINGS", "SHOW WARNINGS"}},
		{name: "warnings, and then not", run: []string{warns, "SELECT 1", "SET @q=1"}, ask: []string{"SHOW WARNINGS"}},
		{name: "warnings that are over", run: []string{warns, "SELECT COUNT(*)>0 FROM nums"}, ask: []string{"SHOW WARNINGS", "SELECT @@warning_count"}, same: true},
		{name: "warnings by their number", run: []string{warns}, ask: []string{"SELECT 1", "SELECT @@warning_count, @@error_count"}},
		{name: "warnings by SHOW VARIABLES", run: []string{warns}, ask: []string{"SHOW VARIABLES LIKE 'warning_coun_'"}},
		{name: "an error", run: []string{"!SELECT nothing"}, ask: []string{"SELECT 1", "SHOW ERRORS"}},
		{name: "an error by its number", run: []string{"!SELECT nothing"}, ask: []string{"SET @q=@@error_count", "SELECT @q"}},
		{name: "diagnostics", run: []string{"!SELECT nothing"}, ask: []string{"GET DIAGNOSTICS @n=NUMBER", "SELECT @n"}},
		{name: "a sequence", run: []string{"SELECT NEXTVAL(seq) > 0"}, ask: []string{"SELECT 1", "SELECT LASTVAL(seq) IS NULL"}},
		{name: "a sequence by a default", run: []string{"INSERT INTO seqd VALUES (DEFAULT)"}, ask: []string{"SELECT 1 FROM nums LIMIT 1", "SELECT PREVIOUS VALUE FOR seq IS NULL"}},
		{name: "a sequence anew", run: []string{"SELECT NEXTVAL(seq) > 0"}, ask: []string{"SELECT NEXTVAL(seq) > 0", "SELECT LASTVAL(seq) IS NULL"}, same: true},
		{name: "a sequence in one statement", run: []string{"SELECT NEXTVAL(seq) > 0"}, ask: []string{"SELECT NEXTVAL(seq) IS NULL, LASTVAL(seq) IS NULL"}},
		{name: "a sequence in one SELECT", run: []string{"CREATE OR REPLACE SEQUENCE seq_one MINVALUE 1 MAXVALUE 2 INCREMENT 2 CYCLE", "SELECT NEXTVAL(seq_one)"}, ask: []string{"SELECT NEXTVAL(seq_one), LASTVAL(seq_one)"}, same: true},
		{name: "random numbers", run: []string{"SET rand_seed1=5, rand_seed2=6"}, ask: []string{"SELECT RAND(), RAND()"}, pins: track.PinOneShot},
		{name: "another thread's id", run: []string{"SET pseudo_thread_id=4711"}, ask: []string{"SELECT @@pseudo_thread_id"}, same: true},
		{name: "its own thread's id", run: []string{"SELECT 1"}, ask: []string{"SELECT @@pseudo_thread_id=CONNECTION_ID()"}, same: true},
		{name: "a time", run: []string{"SET timestamp=1000000000.5"}, ask: []string{"SELECT @@timestamp, NOW(6)"}, same: true},
		{name: "a transaction's id", run: []string{"INSERT INTO auto (a) VALUES (7)"}, ask: []string{"SELECT 1", "SELECT @@last_gtid"}},
		{name: "profiles", run: []string{"SET profiling=1", "SELECT 1", "SET profiling=0"}, ask: []string{"SET @q=1", "SELECT COUNT(DISTINCT QUERY_ID) FROM information_schema.PROFILING"}, pins: track.PinDiagnostics},
		{name: "a trace", run: []string{"SET optimizer_trace='enabled=on'", "SELECT 1 FROM nums WHERE a=3"}, ask: []string{"SET @q=1", "SELECT QUERY FROM information_schema.OPTIMIZER_TRACE"}, pins: track.PinDiagnostics},
		{name: "counters", run: []string{"FLUSH STATUS", "SELECT 1 FROM nums"}, ask: []string{"SHOW STATUS LIKE 'Handler_read_rnd_next'"}, pins: track.PinDiagnostics},
		{name: "the cost of a statement", run: []string{"SELECT COUNT(*)>0 FROM nums"}, ask: []string{"SHOW STATUS LIKE 'Last_query_cost'"}},
	}
	for _, between := range []string{
		"SET @q=1", "DO 1", "USE moves", "UPDATE auto SET a=1 WHERE 0", "BEGIN", "SELECT 1 INTO @q", "SHOW TABLES LIKE 'nums'", "SHOW VARIABLES LIKE 'autocommit'", "!SELECT nothing", "#PING", "SELECT 1",
		"SELECT a FROM nums LIMIT 1", "#PREPARE SELECT 1", "SHOW WARNINGS LIMIT 0", "SELECT 1 FROM DUAL", "SELECT EXTRACT(YEAR FROM NOW())>0", "INSERT INTO auto (a) VALUES (1)",
	} {
		list = append(list,
			answersCase{name: "rows found, " + between, run: []string{found}, ask: []string{between, "SELECT FOUND_ROWS()"}},
			answersCase{name: "rows counted, " + between, run: []string{"INSERT INTO auto (a) VALUES (1), (2)"}, ask: []string{between, "SELECT ROW_COUNT()"}},
			answersCase{name: "warnings, " + between, run: []string{warns}, ask: []string{between, "SHOW WARNINGS"}},
		)
	}
	return list
}

// answersRig is one server at several addresses.
type answersRig struct {
	server  *server
	cables  []*cable
	specs   []backend.Spec
	program *segueProgram
}

func startAnswersRig(t *testing.T) *answersRig {
	t.Helper()
	r := &answersRig{server: startServers(t, 1)[0]}
	if err := r.server.exec(t.Context(), movesFixtures); err != nil {
		t.Fatal(err)
	}
	for text := range strings.SplitSeq(answersFixtures, ";\n") {
		if err := r.server.exec(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for i := range 2 {
		c := startCable(t, r.server.address())
		r.cables = append(r.cables, c)
		r.specs = append(r.specs, backend.Spec{Name: fmt.Sprintf("address-%d", i+1), Address: c.address()})
	}
	r.program = startProgram(t, backend.MySQL, r.specs, fmt.Sprintf("  - {name: guest, password: %q}", testPassword))
	return r
}

const answersFixtures = `CREATE TABLE moves.auto (id INT AUTO_INCREMENT PRIMARY KEY, a INT);
CREATE TABLE moves.nums (a INT);
INSERT INTO moves.nums VALUES (1),(2),(3);
CREATE SEQUENCE moves.seq;
CREATE TABLE moves.seqd (a INT DEFAULT NEXTVAL(moves.seq))`

func TestMoveAnswers(t *testing.T) {
	r := startAnswersRig(t)
	for _, lost := range []bool{false, true} {
		name := "moved"
		if lost {
			name = "lost"
		}
		t.Run(name, func(t *testing.T) { r.answers(t, lost) })
	}
}

// answers has the sessions of all cases go elsewhere together, as some wait for a second with that, and compares what they are answered then.
func (r *answersRig) answers(t *testing.T, lost bool) {
	t.Helper()
	cases := answersCases()
	sessions := make([]*verdictSession, len(cases))
	for i, c := range cases {
		sessions[i] = r.open(t, r.program.address)
		for _, text := range c.run {
			sessions[i].mustAsk(t, text)
		}
		if pinned := sessions[i].settled(t, c.pins != "").Pinned; pinned != c.pins {
			t.Errorf("%s: pinned by %q, want %q", c.name, pinned, c.pins)
		}
	}
	if lost {
		for _, c := range r.cables {
			c.reset()
		}
	} else {
		r.moveAll(t, sessions, cases)
	}
	refused := 0
	for i, c := range cases {
		direct := r.open(t, r.server.address())
		for _, text := range c.run {
			direct.mustAsk(t, text)
		}
		for _, text := range c.ask {
			text, _ = strings.CutPrefix(text, "!")
			want, got := direct.ask(t, text), sessions[i].ask(t, text)
			if strings.HasPrefix(got, "segue: ") && !c.same && (lost || c.pins == "") {
				refused++
				break // and what follows may depend on it
			}
			if got != want {
				t.Errorf("%s: %s: %s, want %s", c.name, text, got, want)
			}
		}
		_ = direct.conn.Quit()
		_ = sessions[i].conn.Quit()
	}
	t.Logf("%d of %d sessions were refused an answer", refused, len(cases))
}

// moveAll drains both addresses in turn.
func (r *answersRig) moveAll(t *testing.T, sessions []*verdictSession, cases []answersCase) {
	t.Helper()
	for _, spec := range r.specs {
		r.program.post(t, "/api/v1/backends/"+spec.Name+"/drain")
		for i, s := range sessions {
			if cases[i].pins == "" {
				waitFor(t, cases[i].name+" to move", func() bool { now := s.info(t); return now.Backend != spec.Name && now.State == proxy.Idle.String() })
			}
		}
		r.program.post(t, "/api/v1/backends/"+spec.Name+"/ready")
	}
}

func (r *answersRig) open(t *testing.T, address string) *verdictSession {
	t.Helper()
	return r.openAs(t, address, testUser, "moves")
}

func (r *answersRig) openAs(t *testing.T, address, user, database string) *verdictSession {
	t.Helper()
	conn, err := gomysql.Connect(address, user, testPassword, database, func(c *gomysql.Conn) error {
		c.SetCapability(mysql.CLIENT_MULTI_STATEMENTS)
		c.SetCapability(mysql.CLIENT_MULTI_RESULTS)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return &verdictSession{program: r.program, conn: conn}
}

// mustAsk is ask of what succeeds, or fails if it begins with !.
func (s *verdictSession) mustAsk(t *testing.T, text string) {
	t.Helper()
	text, fails := strings.CutPrefix(text, "!")
	if got := s.ask(t, text); strings.HasPrefix(got, "error ") != fails || strings.HasPrefix(got, "segue: ") {
		t.Fatalf("%s: %s", text, got)
	}
}

// ask is an answer, types and all; an error of Segue's own begins with its name.
func (s *verdictSession) ask(t *testing.T, text string) string {
	t.Helper()
	var result *mysql.Result
	var err error
	switch prepare, is := strings.CutPrefix(text, "#PREPARE "); {
	case text == "#PING":
		err = s.conn.Ping()
	case is:
		_, err = s.conn.Prepare(prepare)
	case strings.Contains(text, "; "):
		err = s.all(text)
	default:
		result, err = s.conn.Execute(text)
	}
	if refused, ok := errors.AsType[*mysql.MyError](err); ok {
		if strings.HasPrefix(refused.Message, "segue: ") {
			return refused.Message
		}
		return fmt.Sprintf("error %d", refused.Code)
	} else if err != nil {
		return "gone: " + err.Error()
	}
	if result == nil || result.Resultset == nil {
		return "OK"
	}
	var seen strings.Builder
	for _, f := range result.Fields {
		fmt.Fprintf(&seen, "%d:%d ", f.Type, f.Flag&mysql.UNSIGNED_FLAG)
	}
	return seen.String() + show(result)
}

// TestPreparedBlockWithACursor: the results of a block that has a cursor of its own have the flag of one that a client has asked for, and rows behind it.
func TestPreparedBlockWithACursor(t *testing.T) {
	r := startAnswersRig(t)
	const block = "BEGIN NOT ATOMIC DECLARE v INT; DECLARE c CURSOR FOR SELECT a FROM nums; OPEN c; SELECT a FROM nums; SELECT 8; END"
	for _, asks := range []byte{0, 1} {
		direct, behind := r.open(t, r.server.address()), r.open(t, r.program.address)
		for range 2 {
			if want, got := direct.executeRaw(t, block, asks), behind.executeRaw(t, block, asks); got != want || !strings.Contains(want, "fe00006a00 ") {
				t.Errorf("asking %d: %s, want %s", asks, got, want)
			}
		}
		behind.mustAsk(t, "SELECT 'in step'")
		if now := behind.info(t); now.Pinned != track.PinProcedure || now.State != proxy.Pinned.String() {
			t.Errorf("asking %d: the session is not followed: %+v", asks, now)
		}
		_, _ = direct.conn.Quit(), behind.conn.Quit()
	}
}

// executeRaw prepares a statement without parameters, and gives the packets that answer its execution, which may ask for a cursor.
func (s *verdictSession) executeRaw(t *testing.T, text string, asks byte) (packets string) {
	t.Helper()
	say := func(payload []byte) []byte {
		s.conn.ResetSequence()
		if err := s.conn.WritePacket(append(make([]byte, 4), payload...)); err != nil {
			t.Fatal(err)
		}
		return s.readRaw(t)
	}
	id := say(append([]byte{mysql.COM_STMT_PREPARE}, text...))[1:5]
	for p := say(append(append([]byte{mysql.COM_STMT_EXECUTE}, id...), asks, 1, 0, 0, 0)); ; p = s.readRaw(t) {
		packets += hex.EncodeToString(p) + " "
		if len(p) == 7 && p[0] == mysql.OK_HEADER || p[0] == mysql.ERR_HEADER {
			return packets
		}
	}
}

func (s *verdictSession) readRaw(t *testing.T) []byte {
	t.Helper()
	p, err := s.conn.ReadPacket()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLongDataOfARefusedExecution: parameter data that were sent ahead of an execution which Segue has answered by an error are gone with it.
func TestLongDataOfARefusedExecution(t *testing.T) {
	r := startAnswersRig(t)
	s := r.open(t, r.program.address)
	defer func() { _ = s.conn.Quit() }()
	n, err := s.prepareRaw("SELECT CONCAT(?, ROW_COUNT() IS NULL)")
	if err != nil {
		t.Fatal(err)
	}
	id := binary.LittleEndian.AppendUint32(nil, n)
	execute := func(data string) string {
		const comSendLongData, null, types = 0x18, 0, 1
		for _, payload := range [][]byte{append(append([]byte{comSendLongData}, id...), "\x00\x00"+data...), append(append([]byte{mysql.COM_STMT_EXECUTE}, id...), 0, 1, 0, 0, 0, null, types, mysql.MYSQL_TYPE_STRING, 0)} {
			s.conn.ResetSequence()
			if err := s.conn.WritePacket(append(make([]byte, 4), payload...)); err != nil {
				t.Fatal(err)
			}
		}
		var all strings.Builder
		for p := s.readRaw(t); ; p = s.readRaw(t) {
			if all.WriteString(string(p)); p[0] == mysql.ERR_HEADER || p[0] == mysql.EOF_HEADER && strings.Count(all.String(), "\xfe") == 2 {
				return all.String()
			}
		}
	}
	if got := execute("a"); !strings.Contains(got, "\x02a0") {
		t.Errorf("at first it answers %q", got)
	}
	s.settled(t, false)
	r.moveAll(t, []*verdictSession{s}, make([]answersCase, 1))
	if got := execute("b"); !strings.Contains(got, "segue: ") {
		t.Errorf("it answers %q", got)
	}
	if got := s.settled(t, false); got.Pinned != "" {
		t.Errorf("then it is pinned by %s", got.Pinned)
	}
	s.mustAsk(t, "SELECT 1")
	if got := execute("c"); !strings.Contains(got, "\x02c0") {
		t.Errorf("at last it answers %q", got)
	}
}

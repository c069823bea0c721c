package fesim_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"segue/backend/fesim"
	"segue/backend/wire"
)

func TestS8_ResultSetsHaveClassicEOF(t *testing.T) {
	c := login(t, start(t, fesim.Options{})) // the client asks for CLIENT_DEPRECATE_EOF, which does not count
	c.query("SELECT 1 AS a; SELECT 'x'")
	eof := func(status byte) []byte { return []byte{0xfe, 0, 0, status, 0} }
	seq := uint8(1)
	expect := func(what string, want []byte) {
		t.Helper()
		if got := c.must(seq); want != nil && !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", what, got, want)
		}
		seq++
	}
	for i, row := range [][]byte{{1, '1'}, {1, 'x'}} {
		more := []byte{8, 0}[i]
		expect("column count", []byte{1})
		expect("definition", nil)
		expect("end of definitions", eof(more))
		expect("row", row)
		expect("end of rows", eof(more))
	}
}

func TestS8_FirstErrorEndsTheChain(t *testing.T) {
	f := start(t, fesim.Options{})
	c := open(t, f, "root:")
	rows, err := c.QueryContext(t.Context(), "SELECT 1; SELECT @@nothing; INSERT INTO fesim.ledger VALUES ('after')")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if rows.NextResultSet() {
		t.Error("a second result set")
	}
	wantErr(t, rows.Err(), 1193, "HY000")
	rows.Close()
	_, err = c.ExecContext(t.Context(), "INSERT INTO fesim.ledger VALUES ('before'); SELECT FROM WHERE")
	wantErr(t, err, 1064, "HY000")
	if l := f.Cluster().Ledger(); len(l) != 0 {
		t.Errorf("executed: %v", l)
	}
	exec(t, c, "INSERT INTO fesim.ledger VALUES ('a'), ('a'); INSERT INTO fesim.ledger VALUES ('b')")
	if f.Cluster().Executions("a") != 2 || f.Cluster().Executions("b") != 1 {
		t.Errorf("executed: %v", f.Cluster().Ledger())
	}
}

func TestS9_StatusTellsNoTransaction(t *testing.T) {
	for _, tt := range []struct {
		opts fesim.Options
		want wire.Status
	}{{fesim.Options{}, 0}, {fesim.Options{ReportAutocommit: true}, wire.StatusAutocommit}} {
		c := login(t, start(t, tt.opts))
		for _, statement := range []string{"BEGIN", "SET autocommit = 1"} {
			c.query(statement)
			var ok wire.OK
			if err := ok.Decode(c.must(1), wire.ClientProtocol41); err != nil || ok.Status != tt.want {
				t.Errorf("%s: status %#x, %v, want %#x", statement, ok.Status, err, tt.want)
			}
		}
	}
}

func TestS10_Commands(t *testing.T) {
	c := login(t, start(t, fesim.Options{}))
	for _, tt := range []struct {
		payload string
		code    uint16 // 0: OK
		text    string
	}{
		{"\x0e", 0, ""},
		{"\x02test", 0, ""},
		{"\x02hive.test", 0, ""},
		{"\x02catalog iceberg", 0, ""},
		{"\x02warehouse big", 0, ""},
		{"\x02nowhere", 1049, ""},
		{"\x02nowhere.test", 5078, ""},
		{"\x1a\x01\x00\x00\x00", 0, ""}, // STMT_RESET does nothing
		{"\x1f", 0, ""},
		{"\x09", 1064, "Unsupported command(COM_STATISTICS)"},
		{"\x0c\x01\x00\x00\x00", 1064, "Unsupported command(COM_PROCESS_KILL)"},
		{"\x18\x01\x00\x00\x00\x00\x00long data", 1064, "Unsupported command(COM_STMT_SEND_LONG_DATA)"},
		{"\x1b\x00\x00", 1047, "Unknown command(null)"},                             // SET_OPTION
		{"\x1c\x01\x00\x00\x00\x01\x00\x00\x00", 1047, "Unknown command(null)"},     // STMT_FETCH
		{"\x17\x63\x00\x00\x00\x00\x01\x00\x00\x00", 1064, "Not Found prepared st"}, // STMT_EXECUTE
		{"\x03", 0, ""},
		{"\x03not a statement", 1064, "Getting syntax error at line 1, column 0"},
	} {
		c.send(0, []byte(tt.payload))
		answer := c.must(1)
		if tt.code == 0 {
			if answer[0] != 0 {
				t.Errorf("%q: %q, want OK", tt.payload, answer)
			}
			continue
		}
		var e wire.Err
		if err := e.Decode(answer); err != nil || e.Code != tt.code || !strings.Contains(e.Message, tt.text) {
			t.Errorf("%q: %v, want %d %q", tt.payload, &e, tt.code, tt.text)
		}
	}
	c.send(0, []byte("\x19\x01\x00\x00\x00")) // STMT_CLOSE has no answer
	c.send(0, []byte("\x04fesim.ledger\x00"))
	if def := c.must(1); !bytes.Contains(def, []byte("id")) {
		t.Errorf("COM_FIELD_LIST: %q", def)
	}
	if !wire.IsEOF(c.must(2)) {
		t.Error("COM_FIELD_LIST without EOF")
	}
	c.send(0, []byte{byte(wire.ComQuit)})
	if ok := c.must(1); ok[0] != 0 {
		t.Errorf("COM_QUIT: %x, want OK", ok)
	}
	c.wantEnd(false)
}

func TestS10_ChangeUser(t *testing.T) {
	f := start(t, fesim.Options{Users: map[string]string{"root": "", "app": "secret"}})
	c := login(t, f)
	change := func(password string) []byte {
		m := wire.ChangeUser{Username: "app", AuthResponse: wire.NativePassword(c.greeting.AuthData, []byte(password)), Database: "test", Charset: 45, AuthPlugin: wire.PluginNativePassword}
		c.send(0, m.Append(nil, c.response().Capabilities))
		return bytes.Clone(c.must(1))
	}
	c.query("BEGIN")
	c.must(1)
	var e wire.Err
	if err := e.Decode(change("secret")); err != nil || e.Code != 1105 {
		t.Errorf("in a transaction: %v", &e)
	}
	c.query("ROLLBACK")
	c.must(1)
	if err := e.Decode(change("wrong")); err != nil || e.Code != 1045 {
		t.Errorf("wrong password: %v", &e)
	}
	if ok := change("secret"); ok[0] != 0 {
		t.Errorf("change user: %q", ok)
	}
	c.query("SELECT CURRENT_USER(), DATABASE()")
	for seq := uint8(1); seq < 5; seq++ {
		c.must(seq)
	}
	if row := c.must(5); string(row) != "\x09'app'@'%'\x04test" {
		t.Errorf("row %q", row)
	}
}

func TestS11_PreparedStatements(t *testing.T) {
	c := startCluster(t, 2, fesim.Options{})
	conns := []*sql.Conn{open(t, c.FEs()[0], "root:"), open(t, c.FEs()[1], "root:")}
	day := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	for _, tt := range []struct {
		arg  any
		want string
	}{
		{int64(-1), "-1"},
		{uint64(1<<64 - 1), "18446744073709551615"},
		{1.5, "1.5"},
		{"text", "text"},
		{[]byte("bytes"), "bytes"},
		{true, "1"},
		{nil, "NULL"},
		{day, "2026-11-22 01:02:03"},
		{strings.Repeat("long", 10000), strings.Repeat("long", 10000)},
	} {
		if got := ask(t, conns[0], "SELECT ?", tt.arg); got != tt.want {
			t.Errorf("SELECT ? with %.20v: %.40s", tt.arg, got)
		}
	}
	st, err := conns[0].PrepareContext(t.Context(), "SELECT ? + 1, @@hostname WHERE 1 = ?")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for i := range 3 {
		var n int
		var name string
		if err := st.QueryRowContext(t.Context(), i, 1).Scan(&n, &name); err != nil || n != i+1 || name != "fe-1" {
			t.Errorf("execution %d: %d %s %v", i, n, name, err)
		}
	}
	if err := st.QueryRowContext(t.Context(), 1, 2).Scan(new(int), new(string)); err != sql.ErrNoRows {
		t.Errorf("WHERE 1 = 2: %v", err)
	}
	_, err = conns[0].PrepareContext(t.Context(), "INSERT INTO fesim.ledger VALUES (?)")
	wantErr(t, err, 1295, "HY000")
	for i, conn := range conns {
		got := ask(t, conn, "SELECT ?", i)
		if got != fmt.Sprint(i) {
			t.Errorf("FE %d: %s", i, got)
		}
	}
}

func TestS11_StatementIDsComeFromOneCounterPerFE(t *testing.T) {
	c := startCluster(t, 2, fesim.Options{})
	seen := make(map[uint32]bool)
	for _, f := range c.FEs() {
		a, b := login(t, f), login(t, f)
		var last uint32
		for _, s := range []*raw{a, b, a} {
			s.send(0, []byte("\x16SELECT 1"))
			var ok wire.StmtPrepareOK
			if err := ok.Decode(s.must(1)); err != nil {
				t.Fatal(err)
			}
			s.must(2)
			s.must(3)
			if seen[ok.StatementID] || last != 0 && ok.StatementID != last+1 {
				t.Errorf("%s: id %d after %d", f.Name(), ok.StatementID, last)
			}
			last = ok.StatementID
			seen[last] = true
		}
	}
}

func TestS11_TextPrepare(t *testing.T) {
	c := open(t, start(t, fesim.Options{}), "root:")
	exec(t, c, "PREPARE s FROM 'SELECT ? + ?'; SET @a = 40, @b = 2")
	if got := ask(t, c, "EXECUTE s USING @a, @b"); got != "42" {
		t.Errorf("EXECUTE = %s", got)
	}
	exec(t, c, "DEALLOCATE PREPARE s")
	_, err := c.ExecContext(t.Context(), "EXECUTE s")
	wantErr(t, err, 1064, "HY000")
}

func TestBigResults(t *testing.T) {
	c := open(t, start(t, fesim.Options{}), "root:")
	rows, err := c.QueryContext(t.Context(), "SELECT * FROM fesim.rows(10000, 100)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var id int
		var payload string
		if err := rows.Scan(&id, &payload); err != nil {
			t.Fatal(err)
		}
		if id != n || payload != fesim.Payload(n, 100) {
			t.Fatalf("row %d: %d %s", n, id, payload)
		}
	}
	if err := rows.Err(); err != nil || n != 10000 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// A cell of 16 MiB and more begins with 0xfe and takes two packets.
func TestCellOf16MiB(t *testing.T) {
	c := login(t, start(t, fesim.Options{}))
	c.query("SELECT REPEAT('x', 16777216)")
	for seq := uint8(1); seq < 4; seq++ {
		c.must(seq)
	}
	if row := c.must(5); len(row) != 9+1<<24 || row[0] != 0xfe {
		t.Errorf("row of %d bytes", len(row))
	}
	if !wire.IsEOF(c.must(6)) {
		t.Error("no EOF")
	}
}

// go-mysql's client as a second opinion.
func TestGoMySQLClient(t *testing.T) {
	f := start(t, fesim.Options{Users: map[string]string{"app": "secret"}})
	c, err := client.ConnectWithContext(context.Background(), f.MySQLAddress(), "app", "secret", "test", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ping(); err != nil {
		t.Error(err)
	}
	r, err := c.Execute("SELECT 1 AS a, 'x' AS b, NULL AS c, 1.5 AS d, DATABASE() AS e")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := r.GetIntByName(0, "a")
	b, _ := r.GetStringByName(0, "b")
	null, _ := r.IsNullByName(0, "c")
	d, _ := r.GetFloatByName(0, "d")
	db, _ := r.GetStringByName(0, "e")
	if a != 1 || b != "x" || !null || d != 1.5 || db != "test" {
		t.Errorf("row %d %s %v %v %s", a, b, null, d, db)
	}
	if r, err = c.Execute("SELECT ?, ?", 7, "y"); err != nil {
		t.Fatal(err)
	}
	if n, _ := r.GetInt(0, 0); n != 7 {
		t.Errorf("prepared: %v", r.Values)
	}
	_, err = c.Execute("DELETE FROM nowhere")
	if e, ok := errors.AsType[*gomysql.MyError](err); !ok || e.Code != 1064 {
		t.Errorf("error %v", err)
	}
}

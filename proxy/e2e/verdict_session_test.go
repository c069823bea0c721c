package e2e

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	proxy "segue/proxy"
)

// verdictDatabase is where examples run. It is made anew for each.
const verdictDatabase = "v"

// verdictSession is a client that runs an example and looks at its session.
type verdictSession struct {
	program  *segueProgram
	conn     *gomysql.Conn
	prepared *gomysql.Stmt // by an example, nil: none
}

func (v *verdictTrial) connect(t *testing.T) *verdictSession {
	t.Helper()
	return v.connectTo(t, v.program.address)
}

// connectAt begins a session where it is to begin.
func (v *verdictTrial) connectAt(t *testing.T) *verdictSession {
	t.Helper()
	if v.avoid != "" {
		v.program.post(t, "/api/v1/backends/"+v.avoid+"/drain")
		defer v.program.post(t, "/api/v1/backends/"+v.avoid+"/ready")
	}
	return v.connect(t)
}

func (v *verdictTrial) connectTo(t *testing.T, address string) *verdictSession {
	t.Helper()
	conn, err := gomysql.Connect(address, cmp.Or(v.account, testUser), testPassword, v.database(), func(c *gomysql.Conn) error {
		c.SetCapability(mysql.CLIENT_MULTI_STATEMENTS)
		c.SetCapability(mysql.CLIENT_MULTI_RESULTS)
		if v.collation != "" {
			return c.SetCollation(v.collation)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("connect to %s: %v", address, err)
	}
	return &verdictSession{program: v.program, conn: conn}
}

// close is without a COM_QUIT where the session is in the middle of something.
func (s *verdictSession) close() { _ = s.conn.Quit() }

// run runs an example, all of its statements.
func (s *verdictSession) run(e example) error {
	for _, text := range e.before {
		if _, err := s.conn.Execute(text); err != nil {
			return err
		}
	}
	if e.do != nil {
		return e.do(s)
	}
	return s.all(e.text)
}

// all runs a text of one or more statements.
func (s *verdictSession) all(text string) error {
	var failed error
	_, err := s.conn.ExecuteMultiple(text, func(_ *mysql.Result, err error) {
		failed = errors.Join(failed, err)
	})
	return errors.Join(failed, err)
}

// command sends a command that is answered by one packet, OK or EOF; without one if silent.
func (s *verdictSession) command(silent bool, payload ...byte) error {
	s.conn.ResetSequence()
	if err := s.conn.WritePacket(append(make([]byte, 4), payload...)); err != nil || silent {
		return err
	}
	answer, err := s.conn.ReadPacket()
	if err != nil {
		return err
	}
	if answer[0] == mysql.ERR_HEADER {
		return s.conn.HandleErrorPacket(answer)
	}
	return nil
}

// prepareRaw prepares a statement of one parameter and one column, and returns its id, which the library keeps to itself.
func (s *verdictSession) prepareRaw(text string) (uint32, error) {
	s.conn.ResetSequence()
	if err := s.conn.WritePacket(append(append(make([]byte, 4), mysql.COM_STMT_PREPARE), text...)); err != nil {
		return 0, err
	}
	answer, err := s.conn.ReadPacket()
	if err != nil {
		return 0, err
	}
	if answer[0] == mysql.ERR_HEADER {
		return 0, s.conn.HandleErrorPacket(answer)
	}
	packets := 4 // the parameter, EOF, the column, EOF
	if s.conn.HasCapability(mysql.CLIENT_DEPRECATE_EOF) {
		packets = 2
	}
	for range packets {
		if _, err := s.conn.ReadPacket(); err != nil {
			return 0, err
		}
	}
	return binary.LittleEndian.Uint32(answer[1:]), nil
}

// probes are what a session is asked besides its variables; the examples of the table use these names.
func probes() []string {
	return []string{
		"SELECT LAST_INSERT_ID()", "SELECT DATABASE()", "SELECT CURRENT_USER()", "SELECT CURRENT_ROLE()", "SELECT CATALOG()",
		"SELECT @x", "SELECT @a", "SELECT @b", "SELECT @n", "SELECT @m", "SELECT @old", "SELECT @p", "SELECT @`c d`",
		"EXECUTE s", "SELECT IS_USED_LOCK('a')", "SELECT @@timestamp > 1700000000",
	}
}

// look asks for all that the session can see. An error of the server is an answer.
func (s *verdictSession) look() (sight, error) {
	seen := sight{}
	for _, probe := range probes() {
		answer, err := s.answer(probe)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", probe, err)
		}
		seen[probe] = answer
	}
	if s.prepared != nil {
		result, err := s.prepared.Execute("token")
		if err != nil {
			return nil, fmt.Errorf("execute: %w", err)
		}
		seen["SELECT DATABASE()"] += " prepared " + show(result)
	}
	result, err := s.conn.Execute("SHOW SESSION VARIABLES")
	if err != nil {
		return nil, fmt.Errorf("show variables: %w", err)
	}
	if _, err := s.conn.Execute("COMMIT"); err != nil { // with autocommit off, looking has begun a transaction
		return nil, fmt.Errorf("end looking: %w", err)
	}
	for _, row := range result.Values {
		seen["@@"+string(row[0].AsString())] = string(row[1].AsString())
	}
	return seen, nil
}

func (s *verdictSession) answer(query string) (string, error) {
	result, err := s.conn.Execute(query)
	if refused, ok := errors.AsType[*mysql.MyError](err); ok {
		return fmt.Sprintf("error %d", refused.Code), nil
	} else if err != nil {
		return "", err
	}
	return show(result), nil
}

// show prints all rows.
func show(result *mysql.Result) string {
	if result.Resultset == nil {
		return "OK"
	}
	var b strings.Builder
	for _, row := range result.Values {
		for _, value := range row {
			fmt.Fprintf(&b, "%s ", value.String())
		}
	}
	return strings.TrimSpace(b.String())
}

// info is what Segue says of the session.
func (s *verdictSession) info(t *testing.T) proxy.SessionInfo {
	t.Helper()
	var list []proxy.SessionInfo
	if err := json.Unmarshal(s.program.get(t, "/api/v1/sessions"), &list); err != nil {
		t.Fatalf("read sessions: %v", err)
	}
	for _, info := range list {
		if info.ID == s.conn.GetConnectionID() {
			return info
		}
	}
	return proxy.SessionInfo{}
}

// settled is what Segue says of the session when it has read all that the client has sent, which nothing tells where a command has no answer.
func (s *verdictSession) settled(t *testing.T, pins bool) proxy.SessionInfo {
	t.Helper()
	for deadline := time.Now().Add(time.Second); ; time.Sleep(2 * time.Millisecond) {
		now := s.info(t)
		if now.State != proxy.Busy.String() && (now.Pinned != "") == pins || time.Now().After(deadline) {
			return now
		}
	}
}

// leaves waits until the session stands on another backend.
func (s *verdictSession) leaves(t *testing.T, name string) bool {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		switch now := s.info(t); now.Backend {
		case name:
		case "":
			if now.ID == 0 {
				return false // Segue has ended it
			}
		default:
			return true
		}
	}
	return false
}

func (p *segueProgram) post(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), startTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.admin+path, http.NoBody)
	if err != nil {
		t.Fatalf("ask segue: %v", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("ask segue: %v", err)
	}
	text, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("ask segue for %s: %s: %s", path, response.Status, text)
	}
}

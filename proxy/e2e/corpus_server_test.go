package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"segue/backend"
)

// corpusServer is a server as MariaDB's tests expect one, which listens at two addresses: what a session leaves on the server is there behind either. Between two tests
// it is as new.
type corpusServer struct {
	*server
	corpus string // where MariaDB's tests are
	spare  string // a copy of its data as it began
	clean  string // what asking for its state is answered as long as no test has left anything behind
}

// secondHost is its other address. A client of either comes from 127.0.0.1, which is localhost.
const secondHost = "127.0.0.2"

func startCorpusServer(t *testing.T) *corpusServer {
	t.Helper()
	dir := filepath.Join(serverDir(t), "mysqld.1") // tests reach beside its data by ../..
	s := &corpusServer{
		server: &server{host: "127.0.0.1", port: freePort(t, "127.0.0.1"), dir: dir, socket: filepath.Join(dir, "s")},
		corpus: filepath.Join(cacheDir(t), "corpus"), spare: filepath.Join(dir, "spare"),
	}
	if err := s.layOut(); err != nil {
		t.Fatalf("lay out directories: %v", err)
	}
	if err := s.install(t.Context()); err != nil {
		t.Fatalf("install database: %v", err)
	}
	s.boot(t)
	t.Cleanup(func() { s.stop(t) })
	if err := s.fillCorpus(t.Context()); err != nil {
		t.Fatalf("fill server: %v\n%s", err, s.log())
	}
	s.stop(t)
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", s.data(), s.spare).CombinedOutput(); err != nil {
		t.Fatalf("copy data: %v\n%s", err, out)
	}
	s.boot(t)
	s.clean = s.state(t)
	return s
}

// around is the directory that tests know as MYSQLTEST_VARDIR.
func (s *corpusServer) around() string { return filepath.Dir(s.dir) }

// layOut makes the directories, and the option file from that of the corpus.
func (s *corpusServer) layOut() error {
	for _, dir := range []string{s.dir, filepath.Join(s.around(), "tmp"), filepath.Join(s.around(), "log")} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
		if os.Geteuid() == 0 {
			if err := os.Chown(dir, unprivileged, unprivileged); err != nil {
				return err
			}
		}
	}
	if err := os.CopyFS(filepath.Join(s.around(), "std_data"), os.DirFS(filepath.Join(s.corpus, "std_data"))); err != nil {
		return err
	}
	defaults, err := os.ReadFile(filepath.Join(s.corpus, "include", "default_mysqld.cnf"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(strings.NewReplacer("@ENV.MYSQLTEST_VARDIR", s.around(), "@ENV.MYSQL_TEST_DIR", s.corpus).Replace(string(defaults)))
	fmt.Fprintf(&b, "[mysqld]\ndatadir=%s\nsocket=%s\npid-file=%s\ntmpdir=%s\nbind-address=%s,%s\nport=%d\n",
		s.data(), s.socket, filepath.Join(s.dir, "mysqld.pid"), filepath.Join(s.around(), "tmp"), s.host, secondHost, s.port)
	b.WriteString(`skip-ssl
server-id=1
log-output=file
general-log=1
slow-query-log=1
max-connections=151
innodb-flush-log-at-trx-commit=0
innodb-doublewrite=0
innodb-fast-shutdown=2
performance-schema=0
`)
	return os.WriteFile(s.options(), b.Bytes(), 0o644)
}

// boot starts the server on the data that it has.
func (s *corpusServer) boot(t *testing.T) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("start mariadbd: %v", err)
	}
	if err := s.waitReady(t.Context()); err != nil {
		t.Fatalf("wait for mariadbd: %v\n%s", err, s.log())
	}
}

// commentLine is a line that no server is meant to see: a comment, which may lack the blank that makes it one, or a word to the client.
var commentLine = regexp.MustCompile(`(?m)^\s*(--|delimiter ).*$`)

// fillCorpus makes what MariaDB's tests expect beside the system tables.
func (s *corpusServer) fillCorpus(ctx context.Context) error {
	const accounts = "DELETE FROM mysql.global_priv WHERE user = '' OR host <> 'localhost'; FLUSH PRIVILEGES; CREATE DATABASE test CHARACTER SET latin1; CREATE DATABASE mtr CHARSET=latin1"
	if err := s.exec(ctx, accounts); err != nil {
		return err
	}
	db, err := s.open("mtr")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, name := range []string{"mtr_warnings.sql", "mtr_check.sql"} {
		script, err := os.ReadFile(filepath.Join(s.corpus, "include", name))
		if err != nil {
			return err
		}
		for text := range strings.SplitSeq(commentLine.ReplaceAllString(string(script), ""), "||") {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			if _, err := db.ExecContext(ctx, text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// state asks, as mysql-test-run does, for all that a test may have left behind, and looks for files beside its tables. What cannot be asked for is not clean.
func (s *corpusServer) state(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.data(), "test", "*"))
	if err != nil {
		return err.Error()
	}
	db, err := s.open("mtr")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "CALL mtr.check_testcase()")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = rows.Close() }()
	var all strings.Builder
	for more := true; more; more = rows.NextResultSet() {
		if err := writeRows(&all, rows); err != nil {
			return err.Error()
		}
	}
	fmt.Fprintln(&all, files)
	return all.String()
}

func writeRows(all *strings.Builder, rows *sql.Rows) error {
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, to := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		to[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		fmt.Fprintf(all, "%q\n", values)
	}
	return rows.Err()
}

// tidy makes the server as it was before a test, and reports whether that took new data.
func (s *corpusServer) tidy(t *testing.T, failed bool) bool {
	t.Helper()
	if !failed && s.state(t) == s.clean {
		return false
	}
	_ = killGroup(s.cmd)
	<-s.exited
	for _, command := range [][]string{{"rm", "-rf", s.data()}, {"cp", "-a", s.spare, s.data()}} {
		if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("renew data: %v\n%s", err, out)
		}
	}
	s.boot(t)
	return true
}

// specs are the server's addresses.
func (s *corpusServer) specs() []backend.Spec {
	return []backend.Spec{
		{Name: "first", Address: s.address()},
		{Name: "second", Address: fmt.Sprintf("%s:%d", secondHost, s.port)},
	}
}

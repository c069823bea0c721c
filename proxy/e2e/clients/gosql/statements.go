package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/go-sql-driver/mysql"
)

var statementChecks = []check{
	{"multi.statements", func(ctx context.Context, s *suite) (string, error) {
		return s.sets(ctx, "SELECT 1 AS a; SELECT 2 AS b, 3 AS c UNION SELECT 4, 5; DO 0; SELECT NULL LIMIT 0; SELECT 'last'")
	}},
	{"multi.error", func(ctx context.Context, s *suite) (string, error) {
		return s.sets(ctx, "SELECT 1 AS a; SELECT * FROM nowhere; SELECT 3")
	}},
	{"proc.results", func(ctx context.Context, s *suite) (string, error) { return s.sets(ctx, "CALL p_results(7)") }},
	{"proc.results_binary", func(ctx context.Context, s *suite) (string, error) {
		return s.sets(ctx, "CALL p_results(?)", 7)
	}},
	{"proc.out", func(ctx context.Context, s *suite) (string, error) {
		return s.onSession(ctx, func(conn *sql.Conn) (string, error) {
			return "called", execAll(ctx, conn, "SET @counter = 5", "CALL p_out(21, @doubled, @counter)")
		}, "SELECT CONCAT(@doubled, ' ', @counter)")
	}},
	{"proc.fails", func(ctx context.Context, s *suite) (string, error) { return s.sets(ctx, "CALL p_fails()") }},
	{"load.local", loadLocal},
	{"load.reader", loadReader},
	{"load.missing_file", func(ctx context.Context, s *suite) (string, error) {
		return s.onSession(ctx, func(conn *sql.Conn) (string, error) {
			mysql.RegisterLocalFile(filepath.Join(s.loadFiles, "missing.csv"))
			_, err := loadFile(ctx, conn, filepath.Join(s.loadFiles, "missing.csv"))
			if err == nil {
				return "", errors.New("a file that is not there was loaded")
			}
			return "error", nil
		}, "SELECT 1")
	}},
	{"error.syntax", failing("SELEC 1")},
	{"error.unknown_table", failing("SELECT * FROM nowhere")},
	{"error.duplicate", failing("CREATE TEMPORARY TABLE d (id INT PRIMARY KEY)", "INSERT INTO d VALUES (1)", "INSERT INTO d VALUES (1)")},
	{"error.signal", func(ctx context.Context, s *suite) (string, error) {
		return s.failure(ctx, true, "SIGNAL SQLSTATE '45001' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'signalled: é'")
	}},
	{"error.prepare", func(ctx context.Context, s *suite) (string, error) {
		return s.onSession(ctx, func(conn *sql.Conn) (string, error) {
			_, err := conn.PrepareContext(ctx, "SELECT * FROM nowhere WHERE id = ?")
			return codeState(err, false)
		}, "SELECT 1")
	}},
	{"error.midresult", midresult},
	{"insert_id", func(ctx context.Context, s *suite) (string, error) {
		conn, done, err := session(ctx, s.config())
		if err != nil {
			return "", err
		}
		defer done()
		if err := execAll(ctx, conn, "CREATE TEMPORARY TABLE i (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 1000"); err != nil {
			return "", err
		}
		result, err := conn.ExecContext(ctx, "INSERT INTO i (v) VALUES (1), (2), (3)")
		if err != nil {
			return "", err
		}
		id, err := result.LastInsertId()
		affected, _ := result.RowsAffected()
		return fmt.Sprint(id, " ", affected), err
	}},
	{"affected", affected},
	{"tx", transactions},
	{"warnings", func(ctx context.Context, s *suite) (string, error) {
		conn, done, err := session(ctx, s.config())
		if err != nil {
			return "", err
		}
		defer done()
		if _, err := value(ctx, conn, "SELECT 1/0"); err != nil {
			return "", err
		}
		var level, number, message string
		err = conn.QueryRowContext(ctx, "SHOW WARNINGS").Scan(&level, &number, &message)
		return number, err
	}},
	{"use", func(ctx context.Context, s *suite) (string, error) {
		conn, done, err := session(ctx, s.config())
		if err != nil {
			return "", err
		}
		defer done()
		if err := execAll(ctx, conn, "USE fixtures_2"); err != nil {
			return "", err
		}
		first, err := value(ctx, conn, "SELECT DATABASE()")
		if err != nil {
			return "", err
		}
		if err := execAll(ctx, conn, "USE fixtures"); err != nil {
			return "", err
		}
		second, err := value(ctx, conn, "SELECT DATABASE()")
		return first + " " + second, err
	}},
	{"ping", func(ctx context.Context, s *suite) (string, error) {
		conn, done, err := session(ctx, s.config())
		if err != nil {
			return "", err
		}
		defer done()
		return "pong", errors.Join(conn.PingContext(ctx), conn.PingContext(ctx))
	}},
	{"prepare.many", prepareMany},
	{"variables", func(ctx context.Context, s *suite) (string, error) {
		config := s.config()
		config.Params = map[string]string{"sql_mode": "'ANSI_QUOTES'", "lock_wait_timeout": "77"}
		return one(ctx, config, `SELECT CONCAT(@@sql_mode, ' ', @@lock_wait_timeout)`)
	}},
	{"pool", pool},
	{"scratch", func(ctx context.Context, s *suite) (string, error) {
		config := s.config()
		config.DBName = s.scratch
		conn, done, err := session(ctx, config)
		if err != nil {
			return "", err
		}
		defer done()
		err = execAll(ctx, conn, "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, v TEXT)", "LOCK TABLES t WRITE",
			"INSERT INTO t VALUES (1, 'a'), (2, 'b')", "UNLOCK TABLES", "DELETE FROM t WHERE id = 1")
		if err != nil {
			return "", err
		}
		return value(ctx, conn, "SELECT GROUP_CONCAT(v) FROM t")
	}},
}

// sets shows every result set of the answer, or the error in its place, then asks for more on the same connection.
func (s *suite) sets(ctx context.Context, query string, args ...any) (string, error) {
	return s.onSession(ctx, func(conn *sql.Conn) (string, error) {
		rows, err := conn.QueryContext(ctx, query, args...)
		if err != nil {
			return codeState(err, true)
		}
		defer func() { _ = rows.Close() }()
		var shown []string
		for more := true; more; more = rows.NextResultSet() {
			set, err := table(rows)
			if err != nil {
				break // rows.Err tells it
			}
			shown = append(shown, set)
		}
		if rows.Err() != nil {
			text, err := codeState(rows.Err(), true)
			return strings.Join(append(shown, text), "; "), err
		}
		return strings.Join(shown, "; "), nil
	}, "SELECT 1")
}

// midresult meets an error after thousands of rows.
func midresult(ctx context.Context, s *suite) (string, error) {
	return s.onSession(ctx, func(conn *sql.Conn) (string, error) {
		rows, err := conn.QueryContext(ctx, "SELECT id, (SELECT seq FROM seq_1_to_2 WHERE seq <= IF(r.id < 5000, 1, 2)) FROM rows10k AS r ORDER BY id")
		if err != nil {
			return "", err
		}
		defer func() { _ = rows.Close() }()
		n := 0
		for rows.Next() {
			n++
		}
		text, err := codeState(rows.Err(), false)
		return fmt.Sprint(n, " rows ", text), err
	}, "SELECT 1")
}

// failing checks that the last statement fails, and that the connection lives on.
func failing(statements ...string) func(context.Context, *suite) (string, error) {
	return func(ctx context.Context, s *suite) (string, error) { return s.failure(ctx, false, statements...) }
}

func (s *suite) failure(ctx context.Context, message bool, statements ...string) (string, error) {
	return s.onSession(ctx, func(conn *sql.Conn) (string, error) {
		last := len(statements) - 1
		if err := execAll(ctx, conn, statements[:last]...); err != nil {
			return "", err
		}
		_, err := conn.ExecContext(ctx, statements[last])
		return codeState(err, message)
	}, "SELECT 1")
}

// codeState shows the server's error: its number, or all of it.
func codeState(err error, message bool) (string, error) {
	e := (*mysql.MySQLError)(nil)
	if !errors.As(err, &e) {
		return "", fmt.Errorf("no server error but %w", err)
	}
	if message {
		return fmt.Sprintf("%d %s %s", e.Number, e.SQLState[:], e.Message), nil
	}
	return strconv.Itoa(int(e.Number)), nil
}

func loadLocal(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	var shown []string
	for _, name := range []string{"rows.csv", "empty.csv", "big.csv"} {
		path := filepath.Join(s.loadFiles, name)
		mysql.RegisterLocalFile(path)
		loaded, err := loadFile(ctx, conn, path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		shown = append(shown, loaded)
	}
	return strings.Join(shown, " "), nil
}

// loadFile loads a file into a new temporary table and shows what the table holds.
func loadFile(ctx context.Context, conn *sql.Conn, path string) (string, error) {
	if err := execAll(ctx, conn, "CREATE OR REPLACE TEMPORARY TABLE l (id INT, v LONGTEXT)"); err != nil {
		return "", err
	}
	result, err := conn.ExecContext(ctx, "LOAD DATA LOCAL INFILE '"+path+"' INTO TABLE l FIELDS TERMINATED BY ','")
	if err != nil {
		return "", err
	}
	n, err := result.RowsAffected()
	if err != nil || n == 0 {
		return fmt.Sprint(n), err
	}
	sum, err := value(ctx, conn, "SELECT IF(MAX(LENGTH(v)) > 1000, SUM(LENGTH(v)), SUM(id)) FROM l")
	return fmt.Sprint(n, " ", sum), err
}

// loadReader streams what has no length, and fails half-way the second time.
func loadReader(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	mysql.RegisterReaderHandler("rows", func() io.Reader { return strings.NewReader("1,a\n2,b\n3,c\n") })
	mysql.RegisterReaderHandler("broken", func() io.Reader {
		return io.MultiReader(strings.NewReader("1,a\n2,b\n"), brokenReader{})
	})
	loaded, err := loadFile(ctx, conn, "Reader::rows")
	if err != nil {
		return "", err
	}
	if _, err := loadFile(ctx, conn, "Reader::broken"); err == nil {
		return "", errors.New("a broken reader was loaded")
	}
	then, err := value(ctx, conn, "SELECT 1")
	return loaded + " then " + then, err
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken on purpose") }

// affected counts changed rows, or found rows where the client asks for them.
func affected(ctx context.Context, s *suite) (string, error) {
	var shown []string
	for _, found := range []bool{false, true} {
		config := s.config()
		config.ClientFoundRows = found
		conn, done, err := session(ctx, config)
		if err != nil {
			return "", err
		}
		defer done()
		if err := execAll(ctx, conn, "CREATE TEMPORARY TABLE a AS SELECT * FROM rows10k"); err != nil {
			return "", err
		}
		for _, statement := range []string{"UPDATE a SET name = 'row-1' WHERE id <= 300", "DELETE FROM a WHERE id > 70000", "DELETE FROM a"} {
			result, err := conn.ExecContext(ctx, statement)
			if err != nil {
				return "", err
			}
			n, _ := result.RowsAffected()
			shown = append(shown, fmt.Sprint(n))
		}
	}
	return strings.Join(shown, " "), nil
}

func transactions(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	if err := execAll(ctx, conn, "CREATE TEMPORARY TABLE tx (id INT) ENGINE=InnoDB"); err != nil {
		return "", err
	}
	count := func() string {
		n, err := value(ctx, conn, "SELECT COUNT(*) FROM tx")
		return fmt.Sprint(n, errText(err))
	}
	var shown []string
	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
		if err != nil {
			return "", err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO tx VALUES (?)", 1); err != nil {
			return "", err
		}
		if err := end(tx); err != nil {
			return "", err
		}
		shown = append(shown, count())
	}
	if err := execAll(ctx, conn, "SET autocommit = 0", "INSERT INTO tx VALUES (2)", "ROLLBACK", "SET autocommit = 1"); err != nil {
		return "", err
	}
	return strings.Join(append(shown, count()), " "), nil
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return " !UNEXPECTED " + err.Error()
}

// prepareMany keeps 300 prepared statements open, uses each twice in another order, and closes them.
func prepareMany(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	var statements []*sql.Stmt
	for i := range 300 {
		statement, err := conn.PrepareContext(ctx, fmt.Sprintf("SELECT ? + %d", i))
		if err != nil {
			return "", err
		}
		statements = append(statements, statement)
	}
	sum := 0
	for i := range 600 {
		var n int
		if err := statements[(i*7)%300].QueryRowContext(ctx, i).Scan(&n); err != nil {
			return "", err
		}
		sum += n
	}
	for _, statement := range statements {
		if err := statement.Close(); err != nil {
			return "", err
		}
	}
	then, err := value(ctx, conn, "SELECT 1")
	return fmt.Sprint(sum, " then ", then), err
}

// pool uses connections at once, each for many statements, and checks that answers belong to their questions.
func pool(ctx context.Context, s *suite) (string, error) {
	connector, err := mysql.NewConnector(s.config())
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	const workers, questions = 32, 50
	faults := make([]error, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for q := range questions {
				want := fmt.Sprintf("%d-%d-%s", w, q, strings.Repeat("z", w*q))
				var got string
				if err := db.QueryRowContext(ctx, "SELECT CONCAT(?, '-', ?, '-', REPEAT('z', ?))", w, q, w*q).Scan(&got); err != nil {
					faults[w] = err
				} else if got != want {
					faults[w] = fmt.Errorf("asked for %.20s, got %.20s", want, got)
				}
			}
		})
	}
	group.Wait()
	return fmt.Sprint(workers*questions, " answers"), errors.Join(faults...)
}

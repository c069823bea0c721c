// Command gosql is the go-sql-driver/mysql client of the end-to-end suite; package e2e says how it is called and what
// it prints.
package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const checkTimeout = 20 * time.Second

// suite is the address and the account that checks connect with.
type suite struct {
	address, user, password, scratch, loadFiles string
}

// check answers one question of the suite; its error is an outcome that was not expected.
type check struct {
	name string
	run  func(ctx context.Context, s *suite) (string, error)
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gosql:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 6 {
		return errors.New("usage: gosql HOST PORT USER PASSWORD SCRATCH_DATABASE suite | connect N")
	}
	s := &suite{
		address: args[0] + ":" + args[1], user: args[2], password: args[3], scratch: args[4],
		loadFiles: os.Getenv("E2E_LOAD_FILES"),
	}
	if args[5] == "connect" && len(args) == 7 {
		return s.connect(args[6])
	}
	var checks []check
	checks = append(checks, authChecks...)
	checks = append(checks, typeChecks...)
	checks = append(checks, resultChecks...)
	checks = append(checks, statementChecks...)
	for _, c := range checks {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		value, err := c.run(ctx, s)
		cancel()
		if err != nil {
			value = "!UNEXPECTED " + err.Error()
		}
		fmt.Printf("%s\t%s\n", c.name, strings.ReplaceAll(value, "\n", `\n`))
	}
	return nil
}

// connect connects, asks and disconnects, times over.
func (s *suite) connect(times string) error {
	n, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	for i := range n {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		value, err := s.one(ctx, "SELECT CURRENT_USER()")
		cancel()
		if err != nil || value != "e2e@%" {
			return fmt.Errorf("connection %d of %d: %q, %w", i+1, n, value, err)
		}
	}
	fmt.Printf("connect\t%d\n", n)
	return nil
}

// config is the default way in; checks change what they are about.
func (s *suite) config() *mysql.Config {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.DBName = "tcp", s.address, s.user, s.password, "fixtures"
	config.MultiStatements = true
	config.Timeout, config.ReadTimeout, config.WriteTimeout = checkTimeout, checkTimeout, checkTimeout
	config.Logger = &mysql.NopLogger{}
	_ = config.Apply(mysql.EnableCompression(os.Getenv("E2E_COMPRESS") != "")) // it never fails
	return config
}

// session opens one connection; done closes it.
func session(ctx context.Context, config *mysql.Config) (conn *sql.Conn, done func(), err error) {
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, nil, err
	}
	db := sql.OpenDB(connector)
	if conn, err = db.Conn(ctx); err != nil {
		_ = db.Close()
		return nil, nil, err
	}
	return conn, func() { _, _ = conn.Close(), db.Close() }, nil
}

// one asks for one value on a connection of its own.
func (s *suite) one(ctx context.Context, query string, args ...any) (string, error) {
	return one(ctx, s.config(), query, args...)
}

func one(ctx context.Context, config *mysql.Config, query string, args ...any) (string, error) {
	conn, done, err := session(ctx, config)
	if err != nil {
		return "", err
	}
	defer done()
	return value(ctx, conn, query, args...)
}

// value asks for one value on conn.
func value(ctx context.Context, conn *sql.Conn, query string, args ...any) (string, error) {
	var v sql.NullString
	err := conn.QueryRowContext(ctx, query, args...).Scan(&v)
	if err == nil && !v.Valid {
		return "NULL", nil
	}
	return v.String, err
}

// execAll runs statements one after the other.
func execAll(ctx context.Context, conn *sql.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.40s: %w", statement, err)
		}
	}
	return nil
}

// code is the server's error number; an error that is not the server's, or none, is not expected.
func code(err error) (string, error) {
	if e := (*mysql.MySQLError)(nil); errors.As(err, &e) {
		return strconv.Itoa(int(e.Number)), nil
	}
	return "", fmt.Errorf("no server error but %w", err)
}

func digest[T string | []byte](data T) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])
}

// cell shows one value with its type, a long one by length and digest.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return quoted(string(v))
	case string:
		return quoted(v)
	default:
		return fmt.Sprintf("%T(%v)", v, v)
	}
}

func quoted(text string) string {
	if len(text) > 64 {
		return fmt.Sprintf("%d:%s", len(text), digest(text)[:12])
	}
	return strconv.Quote(text)
}

// table shows what is left of the current result set.
func table(rows *sql.Rows) (string, error) {
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	cells, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range cells {
		targets[i] = &cells[i]
	}
	var b strings.Builder
	b.WriteString("[" + strings.Join(columns, ",") + "]")
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return "", err
		}
		b.WriteString(" (")
		for i, c := range cells {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(cell(c))
		}
		b.WriteString(")")
	}
	return b.String(), rows.Err()
}

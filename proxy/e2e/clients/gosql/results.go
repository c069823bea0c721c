package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
)

const maxPayload = 1<<24 - 1

var resultChecks = []check{
	{"rows.10000", func(ctx context.Context, s *suite) (string, error) {
		return rowDigest(ctx, s, "SELECT id, name FROM rows10k ORDER BY id")
	}},
	{"rows.10000_binary", func(ctx context.Context, s *suite) (string, error) {
		return rowDigest(ctx, s, "SELECT id, name FROM rows10k WHERE id > ? ORDER BY id", 0)
	}},
	{"rows.20mb", rows20mb},
	{"rows.edges", rowsEdges},
	{"packet.edges", packetEdges},
	{"packet.17mb", packet17mb},
	{"packet.too_big", packetTooBig},
	{"columns.1000", columns1000},
	{"longdata", longData},
	{"result.abandoned", abandoned},
	{"result.too_big", func(ctx context.Context, s *suite) (string, error) {
		return s.onSession(ctx, func(conn *sql.Conn) (string, error) {
			v, err := value(ctx, conn, "SELECT REPEAT('x', 70000000)")
			return v, err
		}, "SELECT @@warning_count")
	}},
}

// onSession runs f on a new connection, then asks the question on the same one and appends the answer.
func (s *suite) onSession(ctx context.Context, f func(*sql.Conn) (string, error), question string) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	got, err := f(conn)
	if err != nil {
		return "", err
	}
	then, err := value(ctx, conn, question)
	if err != nil {
		return "", fmt.Errorf("after %s: %w", got, err)
	}
	return got + " then " + then, nil
}

func rowDigest(ctx context.Context, s *suite, query string, args ...any) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	hash, n := sha256.New(), 0
	for ; rows.Next(); n++ {
		var id int
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(hash, "%d|%s\n", id, name)
	}
	return fmt.Sprintf("%d %s", n, hex.EncodeToString(hash.Sum(nil))), rows.Err()
}

func rows20mb(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	rows, err := conn.QueryContext(ctx, "SELECT REPEAT(SHA2(seq, 256), 1600) FROM seq_1_to_200")
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	hash, n, size := sha256.New(), 0, 0
	for ; rows.Next(); n++ {
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return "", err
		}
		size += len(body)
		hash.Write(body)
	}
	return fmt.Sprintf("%d %d %s", n, size, hex.EncodeToString(hash.Sum(nil))), rows.Err()
}

func rowsEdges(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	var shown []string
	for _, n := range []int{250, 251, 65535, 65536, maxPayload - 5, maxPayload - 4, maxPayload - 3, maxPayload, maxPayload + 1} {
		text, err := value(ctx, conn, fmt.Sprintf("SELECT REPEAT('x', %d)", n))
		if err != nil {
			return "", fmt.Errorf("%d: %w", n, err)
		}
		shown = append(shown, fmt.Sprintf("%d=%s", len(text), digest(text)[:8]))
	}
	return strings.Join(shown, ","), nil
}

func packetEdges(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	var shown []string
	for _, size := range []int{maxPayload - 1, maxPayload, maxPayload + 1, 2 * maxPayload} {
		literal := size - len("\x03SELECT CRC32('')")
		text := strings.Repeat("0123456789", literal/10+1)[:literal]
		crc, err := value(ctx, conn, "SELECT CRC32('"+text+"')")
		if err != nil {
			return "", fmt.Errorf("%d: %w", size, err)
		}
		shown = append(shown, crc)
	}
	return strings.Join(shown, ","), nil
}

func packet17mb(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	if err := execAll(ctx, conn, "CREATE TEMPORARY TABLE big (v LONGBLOB)"); err != nil {
		return "", err
	}
	text := strings.Repeat("0123456789abcdef", 17<<20/16)
	if _, err := conn.ExecContext(ctx, "INSERT INTO big VALUES (?)", text); err != nil {
		return "", err
	}
	got, err := value(ctx, conn, "SELECT v FROM big WHERE 1 = ?", 1)
	return fmt.Sprintf("%d %s", len(got), digest(got)), err
}

// packetTooBig sends more than the server takes: the connection ends, the next one works.
func packetTooBig(ctx context.Context, s *suite) (string, error) {
	config := s.config()
	config.MaxAllowedPacket = 1 << 30
	if _, err := one(ctx, config, "SELECT LENGTH('"+strings.Repeat("x", 70<<20)+"')"); err == nil {
		return "", fmt.Errorf("70 MiB were taken")
	}
	then, err := s.one(ctx, "SELECT 1")
	return "error then " + then, err
}

func columns1000(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("%d AS column_%d", i+1, i+1))
	}
	cells, targets := make([]int, len(names)), make([]any, len(names))
	for i := range cells {
		targets[i] = &cells[i]
	}
	if err := conn.QueryRowContext(ctx, "SELECT "+strings.Join(names, ", ")).Scan(targets...); err != nil {
		return "", err
	}
	sum := 0
	for _, c := range cells {
		sum += c
	}
	return fmt.Sprintf("%d %d", len(cells), sum), nil
}

// longData: the driver sends a parameter by COM_STMT_SEND_LONG_DATA when it exceeds its share of MaxAllowedPacket.
func longData(ctx context.Context, s *suite) (string, error) {
	config := s.config()
	config.MaxAllowedPacket = 1 << 16
	config.MultiStatements = false
	conn, done, err := session(ctx, config)
	if err != nil {
		return "", err
	}
	defer done()
	if err := execAll(ctx, conn, "CREATE TEMPORARY TABLE long_data (a INT, v LONGBLOB, b TEXT)"); err != nil {
		return "", err
	}
	data := strings.Repeat("long data chunk.", 3<<20/16)
	if _, err := conn.ExecContext(ctx, "INSERT INTO long_data VALUES (?, ?, ?)", 1, []byte(data), "after"); err != nil {
		return "", err
	}
	return value(ctx, conn, "SELECT CONCAT(LENGTH(v), ' ', SHA2(v, 256)) FROM long_data WHERE a = 1 AND b = 'after'")
}

// abandoned leaves most of a result unread.
func abandoned(ctx context.Context, s *suite) (string, error) {
	return s.onSession(ctx, func(conn *sql.Conn) (string, error) {
		rows, err := conn.QueryContext(ctx, "SELECT seq, REPEAT('y', 1000) FROM seq_1_to_20000")
		if err != nil {
			return "", err
		}
		defer func() { _ = rows.Close() }()
		if !rows.Next() {
			return "", fmt.Errorf("no row: %w", rows.Err())
		}
		return "1 row read", nil
	}, "SELECT 1")
}

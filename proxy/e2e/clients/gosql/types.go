package main

import (
	"context"
	"fmt"
	"strings"
)

const allTypes = "SELECT * FROM types ORDER BY id"

var typeChecks = []check{
	{"types.metadata", metadata},
	{"types.text", func(ctx context.Context, s *suite) (string, error) { return types(ctx, s, allTypes, false) }},
	{"types.binary", func(ctx context.Context, s *suite) (string, error) {
		return types(ctx, s, "SELECT * FROM types WHERE id > ? ORDER BY id", false, 0)
	}},
	{"types.text_time", func(ctx context.Context, s *suite) (string, error) { return types(ctx, s, allTypes, true) }},
	{"types.binary_time", func(ctx context.Context, s *suite) (string, error) {
		return types(ctx, s, "SELECT * FROM types WHERE id > ? ORDER BY id", true, 0)
	}},
	{"types.parameters", parameters},
}

// metadata shows what column definitions say.
func metadata(ctx context.Context, s *suite) (string, error) {
	conn, done, err := session(ctx, s.config())
	if err != nil {
		return "", err
	}
	defer done()
	rows, err := conn.QueryContext(ctx, allTypes)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return "", err
	}
	var parts []string
	for _, c := range columns {
		nullable, _ := c.Nullable()
		length, _ := c.Length()
		precision, scale, _ := c.DecimalSize()
		parts = append(parts, fmt.Sprintf("%s %s %t %d %d %d", c.Name(), c.DatabaseTypeName(), nullable, length, precision, scale))
	}
	return strings.Join(parts, ", "), nil
}

// types shows every column type; with arguments the driver prepares, and the answer is binary.
func types(ctx context.Context, s *suite, query string, parseTime bool, args ...any) (string, error) {
	config := s.config()
	config.ParseTime = parseTime
	conn, done, err := session(ctx, config)
	if err != nil {
		return "", err
	}
	defer done()
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	return table(rows)
}

// parameters sends one parameter of each kind and has the server tell what arrived.
func parameters(ctx context.Context, s *suite) (string, error) {
	var shown []string
	for _, v := range []any{
		nil, int64(-1), int64(-1 << 63), uint64(1<<64 - 1), 1.5, true, "", "grüße 🙂", []byte(""), []byte("\x00\xff'\\"),
		strings.Repeat("p", 251), strings.Repeat("p", 70000),
	} {
		got, err := s.one(ctx, "SELECT CONCAT_WS(' ', LENGTH(v), MD5(v), v IS NULL) FROM (SELECT ? AS v) AS p", v)
		if err != nil {
			return "", fmt.Errorf("%T: %w", v, err)
		}
		shown = append(shown, got)
	}
	return strings.Join(shown, ", "), nil
}

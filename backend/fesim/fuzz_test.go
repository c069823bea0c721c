package fesim

import (
	"testing"

	"segue/backend/wire"
)

// Whatever a client sends as a statement, the FE lives.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT @@a.b, @`x y`, 'it''s', \"q\", -1.5e3, CAST(1 AS CHAR(3)) FROM fesim.rows(1, 2, 3) WHERE id LIKE 'a%' LIMIT 1, 2",
		"/* c */ SET SESSION a = 1, @b := NULL, NAMES utf8; USE `a`.b; BEGIN; SHOW VARIABLES LIKE 'x' # end",
		"INSERT INTO fesim.ledger (id) VALUES ('a', SLEEP(1)), ('b')", "KILL QUERY 1", "EXECUTE AS u WITH NO REVERT", "PREPARE s FROM 'SELECT ?'",
		"CREATE TEMPORARY TABLE IF NOT EXISTS a.b (c INT)", "((((", "SELECT", "'", "@", "/*", "--", "\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stmts, err := parse(text)
		if err != nil {
			return
		}
		for _, stmt := range stmts {
			if stmt.run == nil || stmt.text == "" {
				t.Errorf("%q: statement %q cannot run", text, stmt.text)
			}
		}
	})
}

func FuzzParameters(f *testing.F) {
	f.Add(1, []byte{0, 1, byte(wire.TypeLongLong), 0x80, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(2, []byte{1, 1, byte(wire.TypeNull), 0, byte(wire.TypeDatetime), 0, 4, 0xea, 7, 1, 2})
	f.Add(1, []byte{0, 1, byte(wire.TypeTime), 0, 12, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7})
	f.Fuzz(func(t *testing.T, n int, b []byte) {
		if n < 0 || n > 1000 {
			return
		}
		p := &prepared{stmt: &statement{params: n}}
		if params, err := p.decode(b); err == nil && len(params) != n {
			t.Errorf("%d parameters, want %d", len(params), n)
		}
	})
}

package proxy

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
)

func TestLiteralsOfValues(t *testing.T) {
	text := func(values ...string) (row []client.Value) {
		for _, v := range values {
			row = append(row, valueOf(v))
		}
		return row
	}
	const evil = "\\', @evil=42 -- "
	for _, c := range []struct {
		name   string
		expr   string
		def    wire.ColumnDefinition41
		flavor backend.Flavor
		answer []client.Value
		want   string
	}{
		{"signed", "@x", wire.ColumnDefinition41{Type: wire.TypeLongLong}, backend.MySQL, text("-5"), "-5"},
		{"unsigned", "@x", wire.ColumnDefinition41{Type: wire.TypeLongLong, Flags: wire.UnsignedFlag}, backend.MySQL, text("5"), "CAST(5 AS UNSIGNED)"},
		{"unsigned of the system's", "@@session.x", wire.ColumnDefinition41{Type: wire.TypeLongLong, Flags: wire.UnsignedFlag}, backend.MySQL, text("18446744073709551615"), "18446744073709551615"},
		{"decimal", "@x", wire.ColumnDefinition41{Type: wire.TypeNewDecimal}, backend.MySQL, text("1.50"), "1.50"},
		{"decimal without a point", "@x", wire.ColumnDefinition41{Type: wire.TypeNewDecimal}, backend.TiDB, text("5"), "CAST(5 AS DECIMAL(65,0))"},
		{"double", "@x", wire.ColumnDefinition41{Type: wire.TypeDouble}, backend.MySQL, text("0.30000000000000004"), "0.30000000000000004e0"},
		{"double with an exponent", "@x", wire.ColumnDefinition41{Type: wire.TypeDouble}, backend.MySQL, text("1e300"), "1e300"},
		{"no number", "@x", wire.ColumnDefinition41{Type: wire.TypeLongLong}, backend.MySQL, text("1, @evil=42"), ""},
		{"no finite number", "@x", wire.ColumnDefinition41{Type: wire.TypeDouble}, backend.StarRocks, text("inf"), ""},
		{"NULL of a number", "@x", wire.ColumnDefinition41{Type: wire.TypeLongLong}, backend.MySQL, text("NULL"), "CAST(NULL AS SIGNED)"},
		{"NULL without a sign", "@x", wire.ColumnDefinition41{Type: wire.TypeLongLong, Flags: wire.UnsignedFlag}, backend.MySQL, text("NULL"), "CAST(NULL AS UNSIGNED)"},
		{"NULL of a decimal", "@x", wire.ColumnDefinition41{Type: wire.TypeNewDecimal}, backend.MySQL, text("NULL"), "CAST(NULL AS DECIMAL)"},
		{"NULL that floats", "@x", wire.ColumnDefinition41{Type: wire.TypeDouble}, backend.MySQL, text("NULL"), "NULL+0e0"},
		{"NULL of a system variable", "@@session.x", wire.ColumnDefinition41{Type: wire.TypeLongLong}, backend.MySQL, text("NULL"), "NULL"},
		{"NULL of a string", "@x", wire.ColumnDefinition41{Type: wire.TypeLongBlob}, backend.MySQL, text("NULL", "NULL", "latin1", "latin1_bin"), "CONVERT(NULL USING latin1) COLLATE latin1_bin"},
		{"string", "@x", wire.ColumnDefinition41{Type: wire.TypeLongBlob}, backend.MySQL, text("it's", "4", "latin1", "latin1_bin"), "_latin1 X'69742773' COLLATE latin1_bin"},
		{"empty string", "@x", wire.ColumnDefinition41{Type: wire.TypeLongBlob}, backend.MySQL, text("", "0", "utf8mb4", "utf8mb4_bin"), "_utf8mb4 X'' COLLATE utf8mb4_bin"},
		{"bytes", "@x", wire.ColumnDefinition41{Type: wire.TypeLongBlob, Charset: 63}, backend.MySQL, text("abc", "3", "binary", "binary"), "_binary X'616263'"},
		{"NULL", "@x", wire.ColumnDefinition41{Type: wire.TypeLongBlob}, backend.MySQL, text("NULL", "NULL", "binary", "binary"), "CAST(NULL AS BINARY)"},
		{"half a character", "@x", wire.ColumnDefinition41{Type: wire.TypeLongBlob}, backend.MySQL, text("a", "1", "ucs2", "ucs2_bin"), ""},
		{"too long", "@x", wire.ColumnDefinition41{Type: wire.TypeLongBlob}, backend.MySQL, text("NULL", "70000", "latin1", "latin1_bin"), ""},
		{"cut short", "@x", wire.ColumnDefinition41{Type: wire.TypeLongBlob}, backend.MySQL, text("ab", "3", "latin1", "latin1_bin"), ""},
		{"a collation that is none", "@x", wire.ColumnDefinition41{Type: wire.TypeLongBlob}, backend.MySQL, text("a", "1", "latin1", "a, @evil=42"), ""},
		{"of the system's", "@@session.x", wire.ColumnDefinition41{Type: wire.TypeVarString}, backend.MySQL, text("+02:00"), "'+02:00'"},
		{"data of the system's", "@@session.x", wire.ColumnDefinition41{Type: wire.TypeVarString}, backend.MySQL, text(evil), "_utf8mb4 X'5C272C20406576696C3D3432202D2D20'"},
		{"an FE's", "@x", wire.ColumnDefinition41{Type: wire.TypeVarString}, backend.StarRocks, text(evil), "unhex('5C272C20406576696C3D3432202D2D20')"},
		{"a geometry", "@x", wire.ColumnDefinition41{Type: wire.TypeGeometry}, backend.MySQL, []client.Value{nil}, ""},
		{"an FE's, harmless", "@x", wire.ColumnDefinition41{Type: wire.TypeVarString}, backend.Doris, text("2020-01-01"), "'2020-01-01'"},
		{"Doris computes nothing", "@x", wire.ColumnDefinition41{Type: wire.TypeVarString}, backend.Doris, text(evil), ""},
		{"an FE's system variable", "@@session.x", wire.ColumnDefinition41{Type: wire.TypeVarString}, backend.StarRocks, text(evil), ""},
	} {
		q := newValueQuestion(c.expr, &c.def, c.flavor)
		if len(q.columns) != len(c.answer) {
			t.Errorf("%s: asked %q", c.name, q.columns)
		} else if got := q.literal(c.answer); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A question about the limit of time of statements has none of its own.
func TestQuestionsLeaveWhatTheyAskFor(t *testing.T) {
	for column, limits := range map[string]bool{"@x": true, "CAST(CONVERT(@@session.max_statement_time USING ascii) AS BINARY)": false, "@@session.MAX_STATEMENT_TIME": false} {
		if got := (&inquest{flavor: backend.MySQL}).query([]string{"@y", column}, 1); strings.Contains(got, "SET STATEMENT") != limits {
			t.Errorf("%s", got)
		}
	}
}

func TestFailedTrial(t *testing.T) {
	for code, want := range map[uint16]string{1820: "refused", 1184: "refused", 1064: "replay", 1053: "server"} {
		r := newReplay(&luggage{}, client.Password(""), backend.MySQL, "")
		err := r.failed(&client.Refusal{Index: 0, Said: &wire.Err{Code: code, State: "HY000", Message: "no"}}, 1, false)
		got := ""
		switch {
		case errors.As(err, new(*endError)):
			got = "refused"
		case errors.As(err, new(*replayError)):
			got = "replay"
		case errors.As(err, new(*client.Error)):
			got = "server"
		}
		if got != want || !strings.Contains(err.Error(), strconv.Itoa(int(code))) {
			t.Errorf("%d: %s, %v", code, got, err)
		}
	}
}

func valueOf(text string) client.Value {
	if text == "NULL" {
		return nil
	}
	return client.Value(text)
}

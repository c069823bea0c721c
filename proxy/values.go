package proxy

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/track"
)

// The values that the text of statements does not tell are asked for in two steps: first for their types, which a result without rows
// tells, then for what makes each again. No setting of the session may bear on the answers: sql_select_limit yields to a LIMIT, the limits of
// time to ones of the question's own, and bytes pass character_set_results as they are. A value that was data is not spelled as
// text: see track.Literal.

// maxValue bounds the strings that are taken along; a larger one pins.
const maxValue = 64 << 10

// askValues are the questions for the values of the expressions that are open by then. known is given a literal for each, "" for what cannot be written.
func askValues(flavor backend.Flavor, ext uint32, open func() []string, known func(literals []string)) []turn {
	q := &inquest{flavor: flavor, ext: ext}
	types := func(wire.Status) ([]client.Command, error) {
		q.open = open()
		return []client.Command{select1(q.table(), q.query(q.open, 0))}, nil
	}
	tell := func(wire.Status) ([]client.Command, error) {
		if err := q.told(); err != nil {
			return nil, err
		}
		known(q.literals)
		return nil, nil
	}
	return []turn{q.unless(func() bool { return len(open()) == 0 }, types), q.ifAny(q.values), q.ifAny(q.clock), q.ifAny(tell)}
}

// ifAny takes a turn if there is anything to be asked.
func (q *inquest) ifAny(t turn) turn { return q.unless(func() bool { return len(q.open) == 0 }, t) }

func (*inquest) unless(skip func() bool, t turn) turn {
	return func(status wire.Status) ([]client.Command, error) {
		if skip() {
			return nil, nil
		}
		return t(status)
	}
}

// inquest asks one backend for values.
type inquest struct {
	flavor   backend.Flavor
	ext      uint32
	millis   int // that a server may take; 0: five seconds
	open     []string
	asked    []valueQuestion
	last     *client.Table // what the last question was answered
	clockAt  int           // of open: a time; -1: none
	literals []string
}

func (q *inquest) table() *client.Table {
	q.last = &client.Table{Ext: q.ext}
	return q.last
}

// values asks for what makes each value again, now that the types are known.
func (q *inquest) values(wire.Status) ([]client.Command, error) {
	if len(q.last.Columns) != len(q.open) {
		return nil, errors.New("a question of Segue's own has another number of columns")
	}
	var columns []string
	for i, expr := range q.open {
		a := newValueQuestion(expr, &q.last.Columns[i], q.flavor)
		q.asked, columns = append(q.asked, a), append(columns, a.columns...)
	}
	return []client.Command{select1(q.table(), q.query(columns, 1))}, nil
}

// clock takes the answer, and tells a time that has been set from one that goes on: asked again, that is another.
func (q *inquest) clock(wire.Status) ([]client.Command, error) {
	n := 0
	for i := range q.asked {
		n += len(q.asked[i].columns)
	}
	row, err := oneRow(q.last, n)
	if err != nil {
		return nil, err
	}
	q.clockAt = -1
	for i := range q.asked {
		n := len(q.asked[i].columns)
		q.literals, row = append(q.literals, q.asked[i].literal(row[:n])), row[n:]
		if q.open[i] == "@@session.timestamp" {
			q.clockAt = i
		}
	}
	if q.clockAt < 0 {
		return nil, nil
	}
	return []client.Command{select1(q.table(), q.query([]string{inASCII(q.open[q.clockAt])}, 1))}, nil
}

// told takes the answer about a time.
func (q *inquest) told() error {
	if q.clockAt < 0 {
		return nil
	}
	row, err := oneRow(q.last, 1)
	if err == nil && number(row[0], true) != q.literals[q.clockAt] {
		q.literals[q.clockAt] = "DEFAULT"
	}
	return err
}

// query selects columns, so many rows at most.
func (q *inquest) query(columns []string, rows int) string { return q.selects(columns, rows, "") }

// selects is query of a table.
func (q *inquest) selects(columns []string, rows int, from string) string {
	var head string
	millis := cmp.Or(q.millis, 5000)
	limit, seconds := strconv.Itoa(millis), strconv.FormatFloat(float64(millis)/1000, 'f', -1, 64)
	asksLimit := slices.ContainsFunc(columns, func(c string) bool { return strings.Contains(strings.ToLower(c), "max_statement_time") })
	switch {
	case q.flavor.IsFE():
		head = "SELECT "
	case q.flavor == backend.TiDB, asksLimit: // which a limit of the question's own would change
		head = "SELECT /*+ MAX_EXECUTION_TIME(" + limit + ") */ "
	default: // MySQL takes the first comment for one, and MariaDB the second
		head = "/*M!100101 SET STATEMENT max_statement_time=" + seconds + " FOR */SELECT /*+ MAX_EXECUTION_TIME(" + limit + ") */ "
	}
	return head + strings.Join(columns, ", ") + from + " LIMIT " + strconv.Itoa(rows)
}

// inASCII selects a value of ASCII alone, or a number, as bytes that no character set of the session's has passed.
func inASCII(expr string) string { return "CAST(CONVERT(" + expr + " USING ascii) AS BINARY)" }

// valueQuestion is how one value is asked for.
type valueQuestion struct {
	columns []string
	literal func([]client.Value) string
}

func newValueQuestion(expr string, d *wire.ColumnDefinition41, f backend.Flavor) valueQuestion {
	variable := len(expr) > 1 && expr[0] == '@' && expr[1] != '@'
	switch {
	case f.IsFE():
		return valueQuestion{[]string{expr}, func(c []client.Value) string { return feLiteral(d, c[0], variable && f == backend.StarRocks) }}
	case d.Type == wire.TypeGeometry && variable: // of which only a function makes one
		return valueQuestion{[]string{"NULL"}, func([]client.Value) string { return "" }}
	case isNumeric(d.Type):
		return valueQuestion{[]string{inASCII(expr)}, func(c []client.Value) string { return numberLiteral(d, c[0], variable) }}
	case variable:
		bound := strconv.Itoa(maxValue)
		return valueQuestion{[]string{
			"IF(LENGTH(" + expr + ") > " + bound + ", NULL, CAST(" + expr + " AS BINARY))",
			inASCII("LENGTH(" + expr + ")"), inASCII("CHARSET(" + expr + ")"), inASCII("COLLATION(" + expr + ")"),
		}, stringLiteral}
	}
	return valueQuestion{[]string{"CAST(CONVERT(" + expr + " USING utf8mb4) AS BINARY)"}, func(c []client.Value) string { return textLiteral(c[0]) }}
}

func isNumeric(t wire.FieldType) bool {
	switch t {
	case wire.TypeTiny, wire.TypeShort, wire.TypeLong, wire.TypeLongLong, wire.TypeInt24, wire.TypeYear, wire.TypeDecimal, wire.TypeNewDecimal, wire.TypeFloat, wire.TypeDouble:
		return true
	default:
		return false
	}
}

// numberLiteral writes a number. A user's variable is of a type of its own, which the text of a literal must tell.
func numberLiteral(d *wire.ColumnDefinition41, c client.Value, variable bool) string {
	if c == nil {
		return nullLiteral(d, variable)
	}
	n := number(c, d.Type == wire.TypeFloat || d.Type == wire.TypeDouble)
	switch {
	case n == "" || !variable:
	case d.Type == wire.TypeNewDecimal || d.Type == wire.TypeDecimal:
		if !strings.Contains(n, ".") {
			return "CAST(" + n + " AS DECIMAL(65,0))"
		}
	case d.Type != wire.TypeDouble && d.Type != wire.TypeFloat && d.Flags&wire.UnsignedFlag != 0:
		return "CAST(" + n + " AS UNSIGNED)"
	}
	return n
}

// nullLiteral writes a NULL. That of a user's variable has a type as well.
func nullLiteral(d *wire.ColumnDefinition41, variable bool) string {
	switch {
	case !variable:
		return "NULL"
	case d.Type == wire.TypeNewDecimal || d.Type == wire.TypeDecimal:
		return "CAST(NULL AS DECIMAL)"
	case d.Type == wire.TypeDouble || d.Type == wire.TypeFloat:
		return "NULL+0e0"
	case d.Flags&wire.UnsignedFlag != 0:
		return "CAST(NULL AS UNSIGNED)"
	}
	return "CAST(NULL AS SIGNED)"
}

// number is v if it is one, "" if not; one that floats is written so.
func number(v []byte, floats bool) string {
	digits := bytes.TrimLeft(v, "+-")
	if len(digits) == 0 || len(v)-len(digits) > 1 || digits[0] < '0' || digits[0] > '9' {
		return ""
	}
	if _, err := strconv.ParseFloat(string(v), 64); err != nil && !errors.Is(err, strconv.ErrRange) || bytes.ContainsAny(v, "_xXpP") {
		return ""
	}
	if floats && !bytes.ContainsAny(v, "eE") {
		return string(v) + "e0"
	}
	return string(v)
}

// stringLiteral writes a user's variable that is a string, from its bytes, their number, and the names of its character set and
// collation.
func stringLiteral(c []client.Value) string {
	v, length, charset, collation := c[0], c[1], string(c[2]), string(c[3])
	switch {
	case !isName(charset), !isName(collation):
		return ""
	case length == nil && charset == "binary":
		return "CAST(NULL AS BINARY)"
	case length == nil:
		return "CONVERT(NULL USING " + charset + ") COLLATE " + collation
	case v == nil || string(length) != strconv.Itoa(len(v)), len(v)%leastBytes(charset) != 0:
		return ""
	case charset == "binary":
		return track.Literal(charset, v)
	}
	return track.Literal(charset, v) + " COLLATE " + collation
}

// leastBytes is how many bytes each character of a character set has at least. A literal of fewer is filled up.
func leastBytes(charset string) int {
	switch charset {
	case "ucs2", "utf16", "utf16le":
		return 2
	case "utf32":
		return 4
	}
	return 1
}

// isName reports whether s can be the name of a character set or a collation.
func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return s != ""
}

// feLiteral writes a value of an FE's. StarRocks sets its users' variables, and nothing else, to what an expression comes to that it has a backend
// compute (SetStmtAnalyzer.analyzeUserVariable, analyzeSystemVariable); Doris takes literals alone.
func feLiteral(d *wire.ColumnDefinition41, c client.Value, computes bool) string {
	switch {
	case c == nil:
		return "NULL"
	case isNumeric(d.Type):
		return number(c, d.Type == wire.TypeFloat || d.Type == wire.TypeDouble)
	case track.Harmless(c):
		return "'" + string(c) + "'"
	case computes && len(c) <= maxValue:
		return "unhex('" + strings.ToUpper(hex.EncodeToString(c)) + "')"
	}
	return ""
}

// textLiteral writes a value in UTF-8 as an SQL string that reads the same whatever the session's sql_mode and character sets.
func textLiteral(v client.Value) string {
	switch {
	case v == nil:
		return "NULL"
	case track.Harmless(v):
		return "'" + string(v) + "'"
	}
	return track.Literal("utf8mb4", v)
}
